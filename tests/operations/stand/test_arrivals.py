"""Arrival, seating, departure and no-show: moves, tables and quarters after each."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.core.errors import Invalid, NotFound, NotSeated, StateConflict
from models.entities import ReservationMove, ShiftDay
from models.integrity.check import findings
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.operations.stand.undo import take_back
from tests.queries.evening import send_due
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both
#: two small tables and a large one; 90 minutes for two, 105 for four; 15 to reset a table
TABLES = {"1": ("hall", 1, 2), "2": ("hall", 1, 2), "9": ("hall", 3, 6)}
#: and waiting parties may be promoted up to the start
POLICIES = {
    "pacing": {"covers": 500}, "buffer_minutes": 15, "reminder_minutes": [], "lead_minutes": 0
}  # fmt: skip


@pytest.fixture
def stand(db: Engine, restaurant: Callable[..., OpenRestaurant]) -> Stand:
    return Stand(db, restaurant(tables=TABLES, policies=POLICIES))


def minutes(count: float) -> datetime:
    """So long after the start."""
    return START + timedelta(minutes=count)


def in_order(stand: Stand, *, now: datetime) -> bool:
    """Whether the check finds nothing, once all is decided and sent."""
    stand.drain(now=now)
    send_due(stand, until=now)
    with reading(stand.bind) as session:
        found = findings(session, now=now, grace_seconds=0)
    assert found == []
    return True


def moves(stand: Stand, number: int) -> list[tuple[str, str, str, str]]:
    """The history: from, to, reason, actor."""
    move = ReservationMove
    query = select(move.before, move.after, move.reason, move.actor).where(
        move.reservation_id == number
    )
    with Session(stand.bind) as session:
        return [tuple(row) for row in session.execute(query.order_by(move.id))]  # type: ignore[misc]


def freed(stand: Stand) -> bool:
    """Whether the waitlist has to be considered."""
    with Session(stand.bind) as session:
        return session.scalar(select(ShiftDay.freed_at)) is not None


# --- arrival


def test_a_party_comes(stand: Stand) -> None:
    number = stand.ask(2)
    revision = stand.revision()
    stand.move(arrive, number, now=minutes(5))
    row = stand.row(number)
    assert (row.status, row.revision, row.arrived_at) == ("arrived", 3, minutes(5))
    assert moves(stand, number)[-1] == ("confirmed", "arrived", "arrival", STAFF)
    assert stand.held(number) == {"1": (0, 7)}
    assert stand.revision() == revision + 1
    assert not freed(stand)
    assert in_order(stand, now=minutes(5))


def test_coming_twice_is_the_same_as_once(stand: Stand) -> None:
    number = stand.ask(2)
    for later in (0, 7):
        stand.move(arrive, number, now=minutes(later))
    assert (stand.row(number).revision, stand.row(number).arrived_at) == (3, START)
    assert len(moves(stand, number)) == 2


def test_a_no_show_comes_after_all(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(mark_no_show, number, now=minutes(20))
    assert stand.held(number) == {}
    stand.move(arrive, number, now=minutes(40))
    assert stand.held(number) == {"1": (2, 7)}
    assert in_order(stand, now=minutes(40))


def test_a_no_show_comes_after_all_and_its_table_is_gone(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(mark_no_show, number, now=minutes(20))
    stand.book(2, tables=("1",), start=minutes(30), now=minutes(25))
    with pytest.raises(StateConflict, match="held by another party: 1"):
        stand.move(arrive, number, now=minutes(40))
    assert stand.row(number).status == "no_show"
    stand.move(seat, number, now=minutes(41), table_ids=(stand.restaurant.tables["2"],))
    assert stand.held(number) == {"2": (2, 9)}
    assert in_order(stand, now=minutes(41))


@pytest.mark.parametrize("move", [arrive, seat])
def test_not_on_another_day(stand: Stand, move: Callable[..., None]) -> None:
    number = stand.ask(2)
    for now in (START - timedelta(hours=12, seconds=1), START + timedelta(hours=24, seconds=1)):
        with pytest.raises(StateConflict, match="today"):
            stand.move(move, number, now=now)
    assert stand.row(number).revision == 2
    stand.move(move, number, now=START - timedelta(hours=12))


# --- seating


def test_a_party_sits_down_in_time(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(3))
    row = stand.row(number)
    assert (row.status, row.seated_at, row.arrived_at) == ("seated", minutes(3), minutes(3))
    assert row.ends_at == minutes(90)
    assert stand.held(number) == {"1": (0, 7)}
    assert moves(stand, number)[-1] == ("confirmed", "seated", "seating", STAFF)
    assert not freed(stand)
    assert in_order(stand, now=minutes(3))


def test_a_party_that_arrived_first_and_was_seated_later(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(arrive, number, now=minutes(-10))
    stand.move(seat, number, now=minutes(2))
    row = stand.row(number)
    assert (row.arrived_at, row.seated_at) == (minutes(-10), minutes(2))


def test_early(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(-20))
    assert stand.held(number) == {"1": (-2, 7)}
    assert stand.row(number).ends_at == minutes(90)
    assert in_order(stand, now=minutes(-20))


def test_early_and_somebody_still_sits_there(stand: Stand) -> None:
    stand.book(2, tables=("1",), start=minutes(-105))
    number = stand.book(2, tables=("1",))
    with pytest.raises(StateConflict, match="held by another party: 1"):
        stand.move(seat, number, now=minutes(-1))
    assert stand.held(number) == {"1": (0, 7)}
    assert stand.row(number).status == "confirmed"
    stand.move(seat, number, now=minutes(0))


def test_late_keeps_the_table_longer(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(35))
    assert stand.held(number) == {"1": (0, 9)}
    assert stand.row(number).ends_at == minutes(120)
    assert in_order(stand, now=minutes(35))


def test_late_within_the_quarter_changes_nothing(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(14.99))
    assert stand.held(number) == {"1": (0, 7)}
    assert stand.row(number).ends_at == minutes(90)


@pytest.mark.parametrize(("follows", "quarters"), [(105, 0), (120, 1), (135, 2), (150, 2)])
def test_late_until_somebody_follows(stand: Stand, follows: int, quarters: int) -> None:
    number = stand.book(2, tables=("1",))
    next_ = stand.book(2, tables=("1",), start=minutes(follows))
    stand.move(seat, number, now=minutes(35))
    assert stand.held(number) == {"1": (0, 7 + quarters)}
    assert stand.row(number).ends_at == minutes(90 + 15 * quarters)
    assert stand.held(next_) == {"1": (follows // 15, follows // 15 + 7)}
    assert in_order(stand, now=minutes(35))


def test_seated_again_the_turn_does_not_grow_twice(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(30))
    stand.move(take_back, number, now=minutes(31))
    stand.move(seat, number, now=minutes(50))
    assert stand.row(number).ends_at == minutes(135)
    assert stand.held(number) == {"1": (0, 10)}
    assert in_order(stand, now=minutes(50))


def test_after_its_turn_it_needs_a_whole_new_one(stand: Stand) -> None:
    number = stand.book(2, tables=("1",))
    stand.move(arrive, number, now=minutes(5))
    follower = stand.book(2, tables=("1",), start=minutes(150))
    with pytest.raises(StateConflict, match="held by another party: 1"):
        stand.move(seat, number, now=minutes(110))
    stand.cancel(follower)
    stand.move(seat, number, now=minutes(110))
    assert stand.row(number).ends_at == minutes(195)
    assert stand.held(number) == {"1": (0, 14)}
    assert in_order(stand, now=minutes(110))


def test_at_another_table(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(2), table_ids=(stand.restaurant.tables["9"],))
    assert stand.held(number) == {"9": (0, 7)}
    assert freed(stand)
    assert in_order(stand, now=minutes(2))


def test_at_another_table_late(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(20), table_ids=(stand.restaurant.tables["2"],))
    assert stand.held(number) == {"2": (1, 8)}
    assert stand.row(number).ends_at == minutes(105)
    assert in_order(stand, now=minutes(20))


def test_at_two_tables_of_which_one_is_its_own(stand: Stand) -> None:
    number = stand.ask(2)
    both = (stand.restaurant.tables["2"], stand.restaurant.tables["1"])
    stand.move(seat, number, now=minutes(0), table_ids=both)
    assert stand.held(number) == {"1": (0, 7), "2": (0, 7)}
    assert not freed(stand)
    assert in_order(stand, now=minutes(0))


def test_at_a_table_that_is_taken(stand: Stand) -> None:
    number, other = stand.ask(2), stand.ask(2)
    later = stand.ask(4, start=minutes(60))
    tables = tuple(stand.restaurant.tables.values())
    with pytest.raises(StateConflict, match="held by another party: 2, 9"):
        stand.move(seat, number, now=minutes(0), table_ids=tables)
    assert stand.held(number) == {"1": (0, 7)}
    assert stand.held(other) == {"2": (0, 7)}
    assert stand.held(later) == {"9": (4, 12)}
    assert stand.row(number).revision == 2


def test_at_a_table_of_another_restaurant(
    stand: Stand, restaurant: Callable[..., OpenRestaurant]
) -> None:
    number, other = stand.ask(2), restaurant(slug="other")
    with pytest.raises(Invalid) as refused:
        stand.move(seat, number, now=minutes(0), table_ids=(other.tables["1"],))
    assert refused.value.fields[0].field == "tables"
    assert stand.held(number) == {"1": (0, 7)}


def test_the_table_it_leaves_goes_to_the_waitlist(stand: Stand) -> None:
    number, _other = stand.ask(2), stand.ask(2)
    waits = stand.ask(1)
    assert stand.row(waits).status == "waitlisted"
    stand.move(seat, number, now=minutes(0), table_ids=(stand.restaurant.tables["9"],))
    stand.drain(now=minutes(-1))
    assert stand.row(waits).status == "confirmed"
    assert stand.held(waits) == {"1": (0, 7)}


def test_a_seated_party_moves_to_another_table(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    stand.move(seat, number, now=minutes(30))
    assert stand.row(number).revision == 3
    stand.move(seat, number, now=minutes(40), table_ids=(stand.restaurant.tables["9"],))
    row = stand.row(number)
    assert (row.status, row.revision, row.seated_at) == ("seated", 4, START)
    assert row.ends_at == minutes(90)
    assert moves(stand, number)[-1] == ("seated", "seated", "moved", STAFF)
    assert stand.held(number) == {"9": (2, 7)}
    assert freed(stand)
    assert in_order(stand, now=minutes(40))


def test_an_overstaying_party_that_moves_has_the_other_table_for_a_moment(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    stand.move(seat, number, now=minutes(100), table_ids=(stand.restaurant.tables["9"],))
    assert stand.row(number).ends_at == minutes(105)
    assert stand.held(number) == {"9": (6, 8)}
    assert in_order(stand, now=minutes(100))


# --- departure


def test_a_party_leaves(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    stand.move(finish, number, now=minutes(50))
    row = stand.row(number)
    assert (row.status, row.finished_at, row.ends_at) == ("finished", minutes(50), minutes(90))
    assert stand.held(number) == {"1": (0, 3)}
    assert freed(stand)
    assert moves(stand, number)[-1] == ("seated", "finished", "finish", STAFF)
    assert in_order(stand, now=minutes(50))


def test_the_table_is_free_from_this_quarter_on(stand: Stand) -> None:
    number = stand.book(2, tables=("1",))
    stand.move(seat, number, now=minutes(0))
    stand.move(finish, number, now=minutes(50))
    next_ = stand.book(2, tables=("1",), start=minutes(45), now=minutes(55))
    assert stand.held(next_) == {"1": (3, 10)}
    assert in_order(stand, now=minutes(55))


def test_a_party_that_leaves_late_frees_nothing_more(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    stand.move(finish, number, now=minutes(130))
    assert stand.held(number) == {"1": (0, 7)}
    assert in_order(stand, now=minutes(130))


def test_a_party_that_sat_down_early_and_left_early(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(-50))
    stand.move(finish, number, now=minutes(-20))
    assert stand.held(number) == {"1": (-4, -2)}
    assert in_order(stand, now=minutes(-20))


def test_what_a_leaving_party_frees_goes_to_the_waitlist(stand: Stand) -> None:
    first, _second = stand.ask(2), stand.ask(2)
    waits = stand.ask(2, start=minutes(60))
    assert stand.row(waits).status == "waitlisted"
    stand.move(seat, first, now=minutes(0))
    stand.move(finish, first, now=minutes(40))
    stand.drain(now=minutes(40))
    assert stand.row(waits).status == "confirmed"
    assert stand.held(waits) == {"1": (4, 11)}


# --- no-show


def test_nobody_came(stand: Stand) -> None:
    number = stand.ask(2)
    with pytest.raises(StateConflict, match="not started"):
        stand.move(mark_no_show, number, now=minutes(-0.01))
    stand.move(mark_no_show, number, now=minutes(0))
    assert stand.row(number).status == "no_show"
    assert stand.held(number) == {}
    assert freed(stand)
    assert moves(stand, number)[-1] == ("confirmed", "no_show", "no_show", STAFF)
    assert in_order(stand, now=minutes(0))


def test_an_arrived_party_may_become_a_no_show(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(arrive, number, now=minutes(0))
    stand.move(mark_no_show, number, now=minutes(30))
    assert stand.held(number) == {}
    assert in_order(stand, now=minutes(30))


def test_a_no_show_s_table_goes_to_the_waitlist(stand: Stand) -> None:
    number, _other = stand.ask(2), stand.ask(2)
    waits = stand.ask(2, start=minutes(30))
    stand.move(mark_no_show, number, now=minutes(15))
    stand.drain(now=minutes(15))
    assert stand.held(waits) == {"1": (2, 9)}


# --- undone moves


def test_a_no_show_taken_back(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(arrive, number, now=minutes(0))
    stand.move(mark_no_show, number, now=minutes(20))
    stand.move(take_back, number, now=minutes(35))
    row = stand.row(number)
    assert (row.status, row.arrived_at) == ("arrived", START)
    assert stand.held(number) == {"1": (2, 7)}
    assert moves(stand, number)[-1] == ("no_show", "arrived", "taken_back", STAFF)
    assert in_order(stand, now=minutes(35))


def test_a_no_show_is_not_taken_back_from_the_party_that_sits_there_now(stand: Stand) -> None:
    number, _other = stand.ask(2), stand.ask(2)
    waits = stand.ask(2, start=minutes(30))
    stand.move(mark_no_show, number, now=minutes(15))
    stand.drain(now=minutes(15))
    with pytest.raises(StateConflict, match="held by another party: 1"):
        stand.move(take_back, number, now=minutes(16))
    assert stand.row(number).status == "no_show"
    assert stand.held(waits) == {"1": (2, 9)}


def test_a_seating_taken_back(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    stand.move(take_back, number, now=minutes(1))
    row = stand.row(number)
    assert (row.status, row.seated_at, row.arrived_at) == ("confirmed", None, None)
    assert stand.held(number) == {"1": (0, 7)}
    assert in_order(stand, now=minutes(1))


def test_a_table_that_was_left_is_free_at_once(stand: Stand) -> None:
    first, next_ = stand.ask(2), stand.ask(2)
    stand.move(seat, first, now=minutes(0))
    stand.move(finish, first, now=minutes(33))
    assert stand.held(first) == {"1": (0, 2)}
    stand.move(seat, next_, now=minutes(34), table_ids=(stand.restaurant.tables["1"],))
    assert stand.held(next_) == {"1": (2, 9)}
    with pytest.raises(StateConflict):
        stand.move(take_back, first, now=minutes(35))
    assert in_order(stand, now=minutes(36))


def test_a_finish_taken_back(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    stand.move(finish, number, now=minutes(40))
    stand.move(take_back, number, now=minutes(44))
    row = stand.row(number)
    assert (row.status, row.finished_at, row.ends_at) == ("seated", None, minutes(90))
    assert stand.held(number) == {"1": (0, 7)}
    assert in_order(stand, now=minutes(44))


def test_a_finish_taken_back_later_holds_the_table_from_then_on(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    stand.move(finish, number, now=minutes(14))
    stand.move(take_back, number, now=minutes(50))
    assert in_order(stand, now=minutes(50))
    with pytest.raises(NotSeated):
        stand.book(2, tables=("1",), start=minutes(75), now=minutes(50))


def test_a_finish_taken_back_after_the_turn(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(seat, number, now=minutes(0))
    stand.move(finish, number, now=minutes(118))
    stand.move(take_back, number, now=minutes(119))
    assert stand.row(number).ends_at == minutes(120)
    assert in_order(stand, now=minutes(119))


def test_a_finish_is_not_taken_back_from_the_party_that_sits_there_now(stand: Stand) -> None:
    number = stand.book(2, tables=("1",))
    stand.move(seat, number, now=minutes(0))
    stand.move(finish, number, now=minutes(40))
    stand.book(2, tables=("1",), start=minutes(60), now=minutes(45))
    with pytest.raises(StateConflict, match="held by another party: 1"):
        stand.move(take_back, number, now=minutes(46))
    assert stand.held(number) == {"1": (0, 2)}


@pytest.mark.parametrize("status", ["requested", "waitlisted", "confirmed"])
def test_nothing_to_take_back(stand: Stand, status: str) -> None:
    with pytest.raises(StateConflict, match="nothing to undo"):
        stand.move(take_back, in_state(stand, status), now=minutes(0))


def test_not_a_day_later(stand: Stand) -> None:
    number = stand.ask(2)
    stand.move(mark_no_show, number, now=minutes(20))
    with pytest.raises(StateConflict, match="not for today"):
        stand.move(take_back, number, now=START + timedelta(hours=24, seconds=1))
    stand.move(take_back, number, now=START + timedelta(hours=24))


# --- forbidden moves


def in_state(stand: Stand, status: str) -> int:
    """A party in that state."""
    if status == "requested":
        return stand.request(2)
    if status == "waitlisted":
        for _ in range(2):
            stand.ask(2)
        return stand.ask(1)
    number = stand.ask(2)
    way: dict[str, list[Any]] = {
        "confirmed": [],
        "arrived": [arrive],
        "seated": [seat],
        "finished": [seat, finish],
        "no_show": [mark_no_show],
    }
    if status == "cancelled":
        stand.cancel(number)
    for move in way.get(status, []):
        stand.move(move, number, now=minutes(0))
    assert stand.row(number).status == status
    return number


MOVES = {"arrive": arrive, "seat": seat, "finish": finish, "mark_no_show": mark_no_show}
ALLOWED = {
    "arrive": {"confirmed", "no_show", "arrived"},
    "seat": {"waitlisted", "confirmed", "arrived", "no_show", "seated"},
    "finish": {"confirmed", "arrived", "seated", "no_show", "finished"},
    "mark_no_show": {"confirmed", "arrived", "no_show"},
}
STATES = (
    "requested", "waitlisted", "confirmed", "arrived", "seated", "finished", "no_show", "cancelled"
)  # fmt: skip


@pytest.mark.parametrize("status", STATES)
def test_the_table_of_moves(stand: Stand, status: str) -> None:
    number = in_state(stand, status)
    before = (stand.row(number).revision, stand.held(number), stand.revision())
    for name, move in MOVES.items():
        if status in ALLOWED[name]:
            continue
        with pytest.raises(StateConflict, match=f"that is {status} cannot become"):
            stand.move(move, number, now=minutes(1))
    assert (stand.row(number).revision, stand.held(number), stand.revision()) == before


@pytest.mark.parametrize("move", [arrive, seat, finish, mark_no_show, take_back])
def test_there_is_no_such_reservation(stand: Stand, move: Callable[..., None]) -> None:
    with pytest.raises(NotFound):
        stand.move(move, 4711, now=NOW)
