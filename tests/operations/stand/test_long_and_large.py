"""A turn that the staff chose, and parties that take several tables or a whole area."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.core.errors import NotSeated, StateConflict, TableTaken
from models.entities import Message
from models.integrity.check import findings
from models.operations.reservations.staff_changes import change_by_staff
from models.operations.stand.arrivals import seat
from models.operations.tables.whole_area import refuse_if_others_come, tables_of_area
from models.queries.deciding.proposals import proposals
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.requests import GuestDetails, TableChange, TableRequest
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.both
RestaurantSpec = Callable[..., OpenRestaurant]
TABLES = {
    "1": ("hall", 1, 2),
    "2": ("hall", 1, 4),
    "3": ("hall", 1, 6),
    "T1": ("terrace", 1, 4),
    "T2": ("terrace", 1, 4),
}
POLICIES = {"pacing": {"covers": None}}


@pytest.fixture
def stand(db: Engine, restaurant: RestaurantSpec) -> Stand:
    return Stand(db, restaurant(tables=TABLES, policies=POLICIES))


def in_order(stand: Stand) -> bool:
    stand.drain()
    with reading(stand.bind) as session:
        assert findings(session, now=NOW, grace_seconds=0) == []
    return True


def change_turn(stand: Stand, number: int, minutes: int) -> bool:
    change = TableChange(turn_minutes=minutes)
    return stand.move(partial(change_by_staff, change=change), number, now=NOW)


def test_a_party_keeps_its_table_for_the_turn_that_the_staff_chose(stand: Stand) -> None:
    number = stand.book(2, tables=("1",), turn_minutes=240)
    assert stand.held(number) == {"1": (0, 16)}
    assert stand.row(number).ends_at == START + timedelta(hours=4)
    # another size and start keep it
    later = TableChange(party_size=4, starts_at=START + timedelta(minutes=30))
    stand.move(partial(change_by_staff, change=later), number, now=NOW)
    assert stand.held(number) == {"2": (2, 18)}
    assert change_turn(stand, number, 60)
    assert not change_turn(stand, number, 60)
    assert stand.held(number) == {"2": (2, 6)}
    assert change_turn(stand, number, 0)
    assert (stand.row(number).turn_minutes, stand.held(number)) == (None, {"2": (2, 9)})
    assert in_order(stand)


def test_a_turn_that_no_table_allows_changes_nothing(stand: Stand) -> None:
    number = stand.book(6)
    stand.book(6, start=START + timedelta(minutes=150))
    with pytest.raises(NotSeated):
        change_turn(stand, number, 300)
    row = stand.row(number)
    assert (row.turn_minutes, row.revision, stand.held(number)) == (None, 2, {"3": (0, 8)})


def test_a_turn_beyond_all_others_meets_the_party_after_it(stand: Stand) -> None:
    """The hours after the book's own are read, so that the tables are known to be taken."""
    late = START + timedelta(minutes=150)
    first = stand.book(6, tables=("3",), start=late, turn_minutes=480)
    assert stand.held(first)["3"] == (10, 42)
    with pytest.raises(NotSeated):
        stand.book(6, tables=("3",), start=START, turn_minutes=720)
    assert change_turn(stand, first, 600)
    assert stand.held(first)["3"] == (10, 50)
    assert in_order(stand)


def test_nobody_is_told_of_a_turn_and_a_guest_that_is_here_keeps_it(stand: Stand) -> None:
    number = stand.book(2)
    change_turn(stand, number, 180)
    with Session(stand.bind) as session:
        (told, silent) = session.query(Message).order_by(Message.id).all()[::2][:2]
        assert told.kind == "confirmation" and silent.state in ("queued", "skipped")
        kinds = {(each.kind, each.state) for each in session.query(Message)}
    assert ("changed", "queued") not in kinds
    stand.move(seat, number, now=START)
    with pytest.raises(StateConflict):
        stand.move(partial(change_by_staff, change=TableChange(turn_minutes=60)), number, now=START)


def test_large_parties_are_proposed_tables_of_one_area_first(stand: Stand) -> None:
    def proposed(party_size: int) -> list[list[str]]:
        labels = {number: label for label, number in stand.restaurant.tables.items()}
        with reading(stand.bind) as session:
            found = proposals(
                session,
                restaurant_by_id(session, stand.restaurant.id),
                party_size=party_size,
                starts_at=START,
                area_key=None,
                turn_minutes=None,
                now=NOW,
            )
        return [[labels[each] for each in one.tables] for one in found]

    assert proposed(5) == [["3"]]
    assert proposed(8) == [["1", "3"], ["T1", "T2"]]
    assert proposed(14) == [["2", "3", "T1"]]
    assert proposed(99) == []
    stand.book(4, tables=("T1",))
    assert proposed(8) == [["1", "3"]]
    number = stand.book(8, tables=("1", "3"))
    assert stand.held(number).keys() == {"1", "3"}
    assert in_order(stand)


def test_a_party_takes_a_whole_area(stand: Stand) -> None:
    def take() -> int:
        with reading(stand.bind) as session:
            restaurant = restaurant_by_id(session, stand.restaurant.id)
            tables = tables_of_area(restaurant, "terrace")
            asked = TableRequest(8, START, GuestDetails(name=""))
            refuse_if_others_come(session, restaurant, tables, asked)
        return stand.book(8, tables=("T1", "T2"))

    there = stand.book(2, tables=("T2",), start=START + timedelta(hours=1))
    with pytest.raises(TableTaken) as refused:
        take()
    assert [each.reservation_id for each in refused.value.parties] == [there]
    stand.cancel(there)
    whole = take()
    assert stand.held(whole).keys() == {"T1", "T2"}
    terrace = stand.ask(2, area_key="terrace", start=START + timedelta(hours=1), waitlist=False)
    assert stand.row(terrace).status == "declined"
    assert in_order(stand)
