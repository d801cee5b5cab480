"""Without tables: asked, decided, arrived, seated, finished; waited, walked in, undone.

Nobody has a table, the covers never exceed the number, and the check finds nothing.
"""

from datetime import time, timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models.core.errors import Invalid, NotSeated, StateConflict
from models.entities import Assignment, SeatedTable, TableOccupancy
from models.operations.reservations.changes import cancel_reservation
from models.operations.reservations.staff_changes import change_by_staff
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.operations.stand.undo import take_back
from models.operations.tables.lengthening import Length, change_turn
from models.queries.deciding.availability import cached_availability, keep_availability
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.requests import TableChange
from tests.operations.covers.counted import a_counted, minutes, there, wrong
from tests.operations.evenings import LUNCH_AND_DINNER, history, reasons, statuses
from tests.operations.stand.test_walk_ins import walk_in
from tests.services.running.restaurant import ShiftTimes
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.both


def no_table_rows(stand: Stand) -> bool:
    with Session(stand.bind) as session:
        counts = [
            session.scalar(select(func.count()).select_from(entity))
            for entity in (Assignment, SeatedTable, TableOccupancy)
        ]
    return counts == [0, 0, 0]


def test_a_party_comes_and_goes_without_a_table(db: Engine) -> None:
    stand = a_counted(db)
    party = stand.ask(4)
    assert (stand.row(party).status, there(stand)) == ("confirmed", 4)
    stand.move(arrive, party, now=minutes(0))
    stand.move(seat, party, now=minutes(5))
    assert (stand.row(party).status, stand.row(party).ends_at) == ("seated", minutes(105))
    assert there(stand, minutes(90), now=minutes(5)) == 4
    assert wrong(stand, now=minutes(5)) == []
    stand.move(finish, party, now=minutes(80))
    assert there(stand, minutes(90), now=minutes(80)) == 0
    steps = ["decision", "arrival", "seating", "finish"]
    assert [step[2] for step in history(stand, party)] == steps
    assert no_table_rows(stand)
    assert wrong(stand, now=minutes(80)) == []


def test_a_full_restaurant_waits_and_a_cancellation_makes_room(db: Engine) -> None:
    stand = a_counted(db)
    first = [stand.ask(4), stand.ask(4)]
    waits = [stand.ask(3), stand.ask(2)]
    assert statuses(stand, first + waits) == ["confirmed", "confirmed", "waitlisted", "confirmed"]
    assert reasons(stand, waits) == ["full", None]
    stand.cancel(first[0])
    assert statuses(stand, waits) == ["confirmed", "confirmed"]
    assert history(stand, waits[0])[-1] == ("waitlisted", "confirmed", "promotion")
    assert (there(stand), wrong(stand)) == (9, [])


def test_availability_counts_covers(db: Engine) -> None:
    stand = a_counted(db)
    stand.ask(6)

    def starts(size: int) -> set[timedelta]:
        def work(session: Session) -> set[timedelta]:
            restaurant = restaurant_by_id(session, stand.restaurant.id)
            about = {"on_date": START.date(), "party_size": size, "now": NOW}
            miss = cached_availability(restaurant, **about)  # type: ignore[arg-type]
            assert not isinstance(miss, list)
            slots = keep_availability(session, restaurant, miss, **about)  # type: ignore[arg-type]
            return {slot.starts_at - START for slot in slots}

        return stand.do(work)

    assert timedelta(0) in starts(4)
    assert timedelta(0) not in starts(5)
    assert timedelta(hours=2) in starts(5)


def test_the_last_turns_of_lunch_count_at_dinner(db: Engine) -> None:
    stand = a_counted(db, shifts=LUNCH_AND_DINNER)
    late = stand.ask(8, start=START - timedelta(hours=3))  # 16:00 to 18:15
    early = stand.ask(3, start=START - timedelta(hours=2), waitlist=False)  # 17:00
    assert statuses(stand, [late, early]) == ["confirmed", "declined"]
    assert reasons(stand, [late, early]) == [None, "full"]
    after = stand.ask(3, start=START - timedelta(minutes=45), waitlist=False)
    assert stand.row(after).status == "confirmed"
    # and lunch's own decisions see dinner
    more = stand.ask(8, start=START - timedelta(hours=3), waitlist=False)
    assert (stand.row(more).status, wrong(stand)) == ("declined", [])


def test_a_shift_has_its_own_number(db: Engine) -> None:
    dinner = ShiftTimes(first=time(17), overrides={"covers": 4})
    stand = a_counted(db, shifts={"dinner": dinner})
    assert statuses(stand, [stand.ask(4), stand.ask(1)]) == ["confirmed", "waitlisted"]
    assert wrong(stand) == []


def test_a_walk_in_is_counted_and_finds_no_room(db: Engine) -> None:
    stand = a_counted(db)
    stand.ask(4)
    number, warnings = walk_in(stand, 6)
    assert (stand.row(number).status, warnings, there(stand, now=minutes(7))) == ("seated", [], 10)
    with pytest.raises(NotSeated):
        walk_in(stand, 1)
    assert no_table_rows(stand)
    assert wrong(stand, now=minutes(7)) == []


def test_a_walk_in_gets_the_shorter_turn_before_others_come(db: Engine) -> None:
    stand = a_counted(db)
    stand.ask(8, start=minutes(60))
    number, warnings = walk_in(stand, 4)
    assert (warnings, stand.row(number).ends_at) == (["short_turn"], minutes(60))
    assert wrong(stand, now=minutes(7)) == []


def test_a_party_that_overstays_still_counts(db: Engine) -> None:
    stand = a_counted(db)
    sits = stand.ask(8)
    stand.move(seat, sits, now=minutes(0))
    late = minutes(150)  # 15 minutes past the turn
    with pytest.raises(NotSeated):
        walk_in(stand, 3, at=150)
    assert there(stand, late, now=late) == 8
    stand.move(finish, sits, now=late)
    walk_in(stand, 3, at=150)


def test_a_change_counts_as_if_the_party_were_not_there(db: Engine) -> None:
    stand = a_counted(db)
    party, other = stand.ask(4), stand.ask(4)
    stand.change(party, party_size=6)
    assert stand.row(party).party_size == 6
    stand.change(party, party_size=7)
    assert (stand.row(party).party_size, stand.row(other).status) == (6, "confirmed")
    stand.change(party, party_size=2, starts_at=minutes(30))
    assert (stand.row(party).starts_at, there(stand, minutes(30))) == (minutes(30), 6)
    assert (there(stand), wrong(stand)) == (4, [])


def test_the_staff_change_a_party_that_is_here(db: Engine) -> None:
    stand = a_counted(db)
    party = stand.ask(4)
    stand.ask(4)
    stand.move(seat, party, now=minutes(0))
    stand.move(change_by_staff, party, now=minutes(10), change=TableChange(party_size=6))
    assert stand.row(party).party_size == 6
    with pytest.raises(NotSeated):
        stand.move(change_by_staff, party, now=minutes(10), change=TableChange(party_size=7))
    assert wrong(stand, now=minutes(10)) == []


def test_an_early_party_and_a_longer_turn_need_room(db: Engine) -> None:
    stand = a_counted(db)
    first, second = stand.ask(8), stand.ask(4, start=minutes(135))
    stand.move(seat, first, now=minutes(0))
    with pytest.raises(StateConflict, match="the restaurant is full at 21:00"):
        stand.move(seat, second, now=minutes(120))
    with pytest.raises(StateConflict, match="the restaurant is full at 21:15"):
        stand.move(change_turn, first, now=minutes(100), length=Length(minutes=15))
    stand.move(finish, first, now=minutes(120))
    stand.move(seat, second, now=minutes(120))
    assert (there(stand, minutes(120), now=minutes(120)), wrong(stand, now=minutes(120))) == (4, [])


def test_undone_steps_need_room_again(db: Engine) -> None:
    stand = a_counted(db)
    absent = stand.ask(6)
    stand.move(mark_no_show, absent, now=minutes(20))
    assert there(stand, minutes(30), now=minutes(20)) == 0
    came, _ = walk_in(stand, 6, at=20)
    with pytest.raises(StateConflict, match="the restaurant is full"):
        stand.move(take_back, absent, now=minutes(21))
    with pytest.raises(StateConflict, match="the restaurant is full"):
        stand.move(arrive, absent, now=minutes(21))
    stand.move(finish, came, now=minutes(25))
    stand.move(arrive, absent, now=minutes(30))
    assert (stand.row(absent).status, wrong(stand, now=minutes(30))) == ("arrived", [])
    gone = stand.ask(3)
    stand.do(
        lambda session: cancel_reservation(session, gone, now=NOW, actor="guest", by_staff=False)
    )
    stand.move(take_back, gone, now=NOW)
    assert stand.row(gone).status == "confirmed"


def test_the_staff_exceed_the_number_on_purpose_and_the_check_knows(db: Engine) -> None:
    stand = a_counted(db)
    stand.ask(8)
    with pytest.raises(NotSeated, match="no table"):
        stand.book(4)
    forced = stand.book(4, force_pacing=True)
    assert (there(stand), wrong(stand)) == (12, [])
    stand.move(seat, forced, now=minutes(0))  # its own quarters are its own
    assert stand.row(forced).status == "seated"
    assert stand.ask(1, waitlist=False) and there(stand) == 12


def test_tables_are_refused_by_name(db: Engine) -> None:
    stand = a_counted(db)
    party = stand.ask(2)
    with pytest.raises(Invalid, match="not a table of this restaurant"):
        stand.move(seat, party, now=minutes(0), table_ids=(1,))
