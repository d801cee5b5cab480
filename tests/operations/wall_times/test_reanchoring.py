"""Parties moved by new zone rules return to the wall time in their message."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.entities import Message, Reservation, ReservationMove
from models.operations.floor.load import OPERATOR
from models.operations.wall_times.reanchoring import Reanchored, nights_moved, reanchor
from models.rules.restaurant.restaurant import split_book_id
from tests.operations.deciding.small import restaurant_of
from tests.queries.evening import check
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, START, Stand
from tests.services.zone_rules import other_rules

HOUR = timedelta(hours=1)
#: with an hour more on the clock, what was announced as 19:00
AGAIN = START - HOUR


@pytest.fixture
def stand(db: Engine, restaurant: Callable[..., OpenRestaurant]) -> Stand:
    """Two tables for two, one for four."""
    tables = {"1": ("hall", 1, 2), "2": ("hall", 1, 2), "3": ("hall", 3, 4)}
    return Stand(db, restaurant(tables=tables, policies={"reminder_minutes": [1440, 180]}))


def back(stand: Stand, *, now: datetime = NOW, dry_run: bool = False) -> list[Reanchored]:
    with reading() as session:
        nights = nights_moved(session, restaurant_of("demo"), now=now)

    def bring_back(session: Session, night: date) -> list[Reanchored]:
        number = stand.restaurant.id
        return reanchor(session, number, night, now=now, actor=OPERATOR, dry_run=dry_run)

    return [each for night in nights for each in stand.do(partial(bring_back, night=night))]


def reminders(stand: Stand, number: int) -> dict[int, datetime]:
    query = select(Message.variant, Message.due_at).where(
        Message.reservation_id == number, Message.kind == "reminder"
    )
    with Session(stand.bind) as session:
        return {row.variant: row.due_at for row in session.execute(query)}


def told(stand: Stand) -> int:
    query = select(Message.id).where(Message.kind != "reminder")
    with Session(stand.bind) as session:
        return len(session.scalars(query).all())


@pytest.mark.both
def test_a_party_told_19_comes_at_19_again_at_the_same_table(stand: Stand, tmp_path: Path) -> None:
    number = stand.ask(2)
    messages, before = told(stand), stand.row(number)
    with other_rules(tmp_path, hours=2):
        assert check(stand, now=NOW)
        (each,) = back(stand)
        assert (f"{each.told:%H:%M}", f"{each.shown:%H:%M}", each.why) == ("19:00", "20:00", "")
        row = stand.row(number)
        assert (row.starts_at, row.ends_at) == (AGAIN, before.ends_at - HOUR)
        assert (row.told_offset, row.revision) == (120, before.revision + 1)
        assert row.guest_revision > before.guest_revision, "the guest's page shows another time"
        assert stand.held(number) == {"1": (-4, 2)}
        assert check(stand, now=NOW) == []
        assert back(stand) == []
    assert told(stand) == messages, "what was told holds again: nobody is told"
    due = {minutes: AGAIN - timedelta(minutes=minutes) for minutes in (1440, 180)}
    assert reminders(stand, number) == due


@pytest.mark.both
def test_a_line_of_history_says_who_brought_the_party_back(stand: Stand, tmp_path: Path) -> None:
    number = stand.ask(2)
    with other_rules(tmp_path, hours=2):
        back(stand)
    with Session(stand.bind) as session:
        query = select(ReservationMove).where(ReservationMove.reservation_id == number)
        last = session.scalars(query.order_by(ReservationMove.id)).all()[-1]
    assert (last.before, last.after) == ("confirmed", "confirmed")
    assert (last.reason, last.actor) == ("reanchored", OPERATOR)


@pytest.mark.both
def test_a_whole_evening_moves_together_each_into_what_another_leaves(
    stand: Stand, tmp_path: Path
) -> None:
    starts = [START + hours * HOUR for hours in (-2, -0.5, 1, 2.5)]
    numbers = [stand.ask(2, start=start) for start in starts for _ in range(2)]
    assert {stand.row(number).status for number in numbers} == {"confirmed"}
    places = {number: set(stand.held(number)) for number in numbers}
    for hours in (2, 0):  # clocks may go forward or back
        with other_rules(tmp_path, hours=hours):
            assert [each.why for each in back(stand)] == [""] * 8
            assert {number: set(stand.held(number)) for number in numbers} == places
            assert check(stand, now=NOW) == []


@pytest.mark.both
def test_a_party_whose_table_is_taken_by_now_gets_another_or_stays(
    stand: Stand, tmp_path: Path
) -> None:
    first, second = stand.ask(2), stand.ask(2)
    mine = set(stand.held(first))
    with other_rules(tmp_path, hours=2):
        # booked since, until the hour that the others had been given
        (label,) = mine
        later = stand.book(2, start=AGAIN - HOUR / 2, tables=(label,))
        found = {each.who.id: each for each in back(stand)}
        outcomes = {number: (found[number].seats, found[number].why) for number in (first, second)}
        assert set(stand.held(second)) == {"2"}
        assert outcomes == {first: ((), "no table is free at that time"), second: ((), "")}
        assert stand.row(first).starts_at == START
        assert set(stand.held(first)) == set(stand.held(later)) == mine
        stand.cancel(second)
        (each,) = back(stand)
        assert (each.seats, each.why) == ((stand.restaurant.tables["2"],), "")
        assert set(stand.held(first)) == {"2"}


@pytest.mark.both
def test_a_change_that_was_accepted_follows(stand: Stand, tmp_path: Path) -> None:
    number = stand.ask(2, start=START + HOUR)
    stand.change(number, starts_at=START)
    with other_rules(tmp_path, hours=2):
        assert [each.why for each in back(stand)] == [""]
        assert stand.row(number).starts_at == AGAIN
        assert check(stand, now=NOW) == []


@pytest.mark.both
def test_a_waitlisted_party_waits_for_the_time_it_was_told(stand: Stand, tmp_path: Path) -> None:
    numbers = [stand.ask(2) for _ in range(3)]
    assert stand.row(numbers[2]).status == "waitlisted"
    with other_rules(tmp_path, hours=2):
        assert len(back(stand)) == 3
        row = stand.row(numbers[2])
        assert (row.status, row.starts_at) == ("waitlisted", AGAIN)
        stand.cancel(numbers[0])
        assert stand.row(numbers[2]).status == "confirmed"
        assert set(stand.held(numbers[2])) == {"1"}


def test_a_party_whose_time_is_past_or_none_is_left_and_named(stand: Stand, tmp_path: Path) -> None:
    stand.ask(2)
    late = stand.ask(2, start=START - 2 * HOUR)  # announced as 17:00, the first
    with other_rules(tmp_path, hours=2):
        found = back(stand, now=START - 2.5 * HOUR)
        assert {each.who.id: each.why for each in found}[late] == "that time has passed"


def test_a_dry_run_says_the_same_and_writes_nothing(stand: Stand, tmp_path: Path) -> None:
    number = stand.ask(2)
    before = stand.row(number).revision
    with other_rules(tmp_path, hours=2):
        would = back(stand, dry_run=True)
        assert (stand.row(number).revision, stand.row(number).starts_at) == (before, START)
        assert back(stand) == would


def test_a_party_that_is_right_or_not_known_stays(stand: Stand, tmp_path: Path) -> None:
    number = stand.ask(2)
    assert back(stand) == []
    stand.plant(update(Reservation).where(Reservation.id == number).values(told_offset=None))
    with other_rules(tmp_path, hours=2):
        assert back(stand) == []


def test_a_party_on_another_date_by_the_new_rules_changes_books(
    stand: Stand, tmp_path: Path
) -> None:
    number = stand.ask(2)
    with other_rules(tmp_path, hours=12):  # 19:00 became 06:00 of the next day
        assert [each.why for each in back(stand)] == [""]
        row = stand.row(number)
        assert row.starts_at == START - 11 * HOUR
        assert split_book_id(row.book_id)[1] == START.date()
