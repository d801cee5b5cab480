"""What quotes follow from: who sits since when, and how long parties stayed on other evenings."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from models.operations.stand.arrivals import finish, seat
from models.operations.tables.locking import set_lock
from models.queries.door.floor import LEARNT_DAYS, FloorNow, read_floor
from models.queries.floor.load import restaurant_by_id
from models.rules.door.hours import tonight
from models.rules.door.turns import USUAL
from tests.operations.door.evening import TWO, door_stand, entry, minutes, wait
from tests.services.running.stand import START, Stand

pytestmark = pytest.mark.both
DAY = timedelta(days=1)


def floor_at(stand: Stand, minute: float) -> FloorNow:
    def work(session: object) -> FloorNow:
        restaurant = restaurant_by_id(session, stand.restaurant.id)  # type: ignore[arg-type]
        there = tonight(restaurant, minutes(minute))
        assert there is not None
        return read_floor(session, restaurant, there.sitting, now=minutes(minute))  # type: ignore[arg-type]

    return stand.do(work)


def stayed(stand: Stand, days: int, minute: float) -> None:
    """A party sat at table 1 that many days ago, for so many minutes of its turn of 90."""
    start = START - days * DAY
    number = stand.book(2, tables=("1",), start=start, now=start - DAY)
    stand.move(seat, number, now=start)
    stand.move(finish, number, now=start + timedelta(minutes=minute))


def test_turns_are_learnt_from_the_shift_of_the_days_before(db: Engine) -> None:
    stand = door_stand(db)
    stayed(stand, LEARNT_DAYS + 1, 30)
    assert floor_at(stand, 0).turns == USUAL
    for days in range(1, LEARNT_DAYS + 1):
        stayed(stand, days, 60)
    turns = floor_at(stand, 0).turns
    assert 60 / 90 < turns.middle < 1
    sits = stand.book(2, start=START)
    stand.move(seat, sits, now=START)
    number = wait(stand, now=minutes(20))
    assert (entry(stand, number).quoted_low, entry(stand, number).quoted_high) == (40, 70)


def test_a_party_is_expected_to_leave_by_when_it_sat_down(db: Engine) -> None:
    stand = door_stand(db, tables=TWO)
    sits = stand.book(2, tables=("1",), start=START)
    comes = stand.book(2, tables=("2",), start=minutes(60))
    stand.move(seat, sits, now=minutes(10))
    first, second = floor_at(stand, 30).stays
    assert (first.is_seated, first.begins, first.others) == (True, -20, ())
    assert (second.is_to_come, second.begins) == (True, 30)
    tables = stand.restaurant.tables
    assert set(second.others) == {(tables["1"],), (tables["2"],)}
    stand.move(set_lock, comes, now=minutes(31), locked=True)
    assert floor_at(stand, 31).stays[1].others == ()
