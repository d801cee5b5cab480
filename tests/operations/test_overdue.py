"""What the clock does at the stand: no-shows after their grace, forgotten finishes."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, update

from models.core.db import reading
from models.entities import Reservation
from models.operations.arrivals import arrive, finish, mark_no_show, seat, take_back
from models.operations.overdue import finish_overdue, mark_no_shows
from models.queries.integrity import findings
from tests.queries.evening import send_due
from tests.services.house import OpenHouse
from tests.services.stand import START, Stand

pytestmark = pytest.mark.both
TABLES = {"1": ("hall", 1, 2), "2": ("hall", 1, 2)}
POLICIES = {"reminder_minutes": [], "no_show_grace_minutes": 20, "auto_finish_minutes": 40}


@pytest.fixture
def stand(db: Engine, house: Callable[..., OpenHouse]) -> Stand:
    return Stand(db, house(tables=TABLES, policies=POLICIES))


def minutes(count: float) -> datetime:
    """So long after the start."""
    return START + timedelta(minutes=count)


def run(job: Callable[..., int], stand: Stand, *, now: datetime, limit: int = 100) -> int:
    return stand.do(lambda session: job(session, now=now, limit=limit))


def in_order(stand: Stand, *, now: datetime) -> bool:
    stand.drain(now=now)
    send_due(stand, until=now)
    with reading(stand.bind) as session:
        assert findings(session, now=now, grace_seconds=0) == []
    return True


def test_a_no_show_when_the_grace_is_over(stand: Stand) -> None:
    number = stand.ask(2)
    assert run(mark_no_shows, stand, now=minutes(19.99)) == 0
    assert stand.row(number).status == "confirmed"
    assert run(mark_no_shows, stand, now=minutes(20)) == 1
    assert stand.row(number).status == "no_show"
    assert stand.held(number) == {}
    assert run(mark_no_shows, stand, now=minutes(21)) == 0
    assert stand.row(number).revision == 3
    assert in_order(stand, now=minutes(21))


def test_who_came_is_no_no_show(stand: Stand) -> None:
    arrived, seated = stand.ask(2), stand.ask(2)
    waits = stand.ask(2)
    stand.move(arrive, arrived, now=minutes(5))
    stand.move(seat, seated, now=minutes(5))
    assert run(mark_no_shows, stand, now=minutes(60)) == 0
    assert [stand.row(each).status for each in (arrived, seated, waits)] == [
        "arrived",
        "seated",
        "waitlisted",
    ]


def test_a_no_show_s_table_goes_to_the_waitlist(stand: Stand) -> None:
    stand.ask(2)
    stand.ask(2)
    waits = stand.ask(2, start=minutes(30))
    assert run(mark_no_shows, stand, now=minutes(20)) == 2
    stand.drain(now=minutes(20))
    assert stand.row(waits).status == "confirmed"
    assert in_order(stand, now=minutes(20))


def test_what_the_host_took_back_is_the_host_s_until_the_turn_is_over(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(mark_no_show, number, now=minutes(20))
    stand.move(take_back, number, now=minutes(25))
    assert run(mark_no_shows, stand, now=minutes(89)) == 0
    assert run(mark_no_shows, stand, now=minutes(90)) == 1
    assert stand.row(number).status == "no_show"


def test_each_house_has_its_own_grace(
    stand: Stand, db: Engine, house: Callable[..., OpenHouse]
) -> None:
    other = Stand(db, house(slug="other", tables=TABLES, policies={"no_show_grace_minutes": 0}))
    patient, quick = stand.ask(2), other.ask(2)
    assert run(mark_no_shows, stand, now=minutes(0)) == 1
    assert (stand.row(patient).status, stand.row(quick).status) == ("confirmed", "no_show")


def test_no_more_than_the_limit_the_longest_overdue_first(stand: Stand) -> None:
    numbers = [stand.ask(2, start=minutes(-15 * each)) for each in range(2)]
    assert run(mark_no_shows, stand, now=minutes(60), limit=1) == 1
    assert [stand.row(each).status for each in numbers] == ["confirmed", "no_show"]
    assert run(mark_no_shows, stand, now=minutes(60), limit=1) == 1
    assert run(mark_no_shows, stand, now=minutes(60), limit=1) == 0


def test_who_came_while_the_clock_looked_is_left_alone(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = stand.ask(2)

    def arrive_before_the_lock(session: object, _books: object) -> None:
        table = update(Reservation).where(Reservation.id == number)
        session.execute(table.values(status="arrived"))  # type: ignore[attr-defined]

    monkeypatch.setattr("models.operations.overdue.lock_books", arrive_before_the_lock)
    assert run(mark_no_shows, stand, now=minutes(60)) == 0
    assert stand.row(number).status == "arrived"


def test_a_forgotten_finish(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    assert run(finish_overdue, stand, now=minutes(129.99)) == 0
    assert run(finish_overdue, stand, now=minutes(130)) == 1
    row = stand.row(number)
    assert (row.status, row.finished_at) == ("finished", minutes(130))
    assert run(finish_overdue, stand, now=minutes(131)) == 0
    assert in_order(stand, now=minutes(131))


def test_the_turn_of_who_sat_down_late_ends_later(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(30))
    assert run(finish_overdue, stand, now=minutes(159.99)) == 0
    assert run(finish_overdue, stand, now=minutes(160)) == 1


def test_who_does_not_sit_is_not_finished(stand: Stand) -> None:
    confirmed, arrived = stand.ask(2), stand.ask(2)
    stand.move(arrive, arrived, now=minutes(0))
    assert run(finish_overdue, stand, now=minutes(600)) == 0
    assert stand.row(confirmed).status == "confirmed"


def test_a_finish_taken_back_has_its_time_again(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    run(finish_overdue, stand, now=minutes(130))
    stand.move(take_back, number, now=minutes(133))
    assert run(finish_overdue, stand, now=minutes(134)) == 0
    assert run(finish_overdue, stand, now=minutes(174.99)) == 0
    assert run(finish_overdue, stand, now=minutes(175)) == 1
    assert in_order(stand, now=minutes(175))


def test_a_clock_that_stood_still_for_a_week_finishes_them_all_the_same(stand: Stand) -> None:
    number, absent = stand.ask(2), stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    late = START + timedelta(days=7)
    assert run(finish_overdue, stand, now=late) == 1
    assert run(mark_no_shows, stand, now=late) == 1
    assert (stand.row(number).status, stand.row(absent).status) == ("finished", "no_show")
    assert in_order(stand, now=late)


def test_finishing_twice_is_the_same_as_once(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    for later in (60, 70):
        stand.move(finish, number, now=minutes(later))
    assert (stand.row(number).revision, stand.row(number).finished_at) == (4, minutes(60))
