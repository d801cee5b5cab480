"""A party at the door is seated in one step, whatever the hour and the pacing."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from models.core.database.transactions import reading
from models.core.errors import Invalid, KeyReused, NotSeated, TooLarge
from models.integrity.check import findings
from models.operations.stand.arrivals import finish, seat
from models.operations.stand.undo import take_back
from models.operations.stand.walk_ins import seat_walk_in
from models.operations.tables.forcing import Force
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.requests import GuestDetails, TableRequest
from tests.operations.evenings import ONE_TABLE, TWO_TABLES, a_stand, history, told
from tests.services.running.restaurant import ShiftTimes
from tests.services.running.stand import STAFF, START, Stand

pytestmark = pytest.mark.both
#: local times; START is seven in the evening
DINNER = {"dinner": ShiftTimes(first=time(19), last=time(21), ends=time(23))}
NAMELESS = GuestDetails(name="")


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def walk_in(
    stand: Stand,
    size: int = 2,
    *,
    at: float = 7,
    key: str = "",
    tables: tuple[str, ...] = (),
    **more: Any,
) -> tuple[int, list[str]]:
    """Seat a walk-in; return its id and the warnings."""
    stand.asked += 1
    now, wish = minutes(at), TableRequest(size, minutes(at), NAMELESS, waitlist=False)
    said: dict[str, Any] = {
        "request": wish, "key": key or f"door-{stand.asked}", "body": str(size).encode(),
        "now": now, "actor": STAFF,
        "table_ids": tuple(stand.restaurant.tables[label] for label in tables),
    } | more  # fmt: skip

    def work(session: Any) -> tuple[int, list[str]]:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        accepted, warnings = seat_walk_in(session, restaurant, **said)
        return accepted.reservation_id, [each.value for each in warnings]

    return stand.do(work)


def in_order(stand: Stand, *, at: float) -> None:
    with reading(stand.bind) as session:
        assert findings(session, now=minutes(at), grace_seconds=10**9) == []


def test_a_walk_in_is_seated_in_one_step_without_a_name(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number, warnings = walk_in(stand)
    row = stand.row(number)
    assert (row.status, row.source, row.guest.name, warnings) == ("seated", "walk_in", "", [])
    assert (row.starts_at, row.seated_at, row.ends_at) == (START, minutes(7), minutes(90))
    assert stand.held(number) == {"1": (0, 6)}
    assert [step[2] for step in history(stand, number)] == ["decision", "seating"]
    assert told(stand, number) == []
    in_order(stand, at=7)
    stand.move(finish, number, now=minutes(40))
    in_order(stand, at=40)


def test_pacing_warns_of_a_walk_in_and_does_not_forbid_it(db: Engine) -> None:
    stand = a_stand(db, policies={"pacing": {"covers": 2, "parties": 1}})
    assert walk_in(stand)[1] == []
    number, warnings = walk_in(stand)
    assert (warnings, stand.row(number).pacing_forced) == (["pacing"], True)
    in_order(stand, at=7)


@pytest.mark.parametrize(
    ("at", "first"), [(-50, -4), (-20, -2), (145, 9), (210, 14), (400, 26)],
    ids=["before", "just before", "after", "long after", "at night"],
)  # fmt: skip
def test_the_hours_do_not_forbid_a_walk_in(db: Engine, at: float, first: int) -> None:
    stand = a_stand(db, tables=TWO_TABLES, shifts=DINNER)
    number, warnings = walk_in(stand, at=at)
    assert warnings == ["outside_hours"]
    assert stand.held(number) == {"1": (first, first + 6)}
    in_order(stand, at=at)
    second, _ = walk_in(stand, at=at + 1)
    assert stand.held(second) == {"2": (first, first + 6)}
    with pytest.raises(NotSeated):
        walk_in(stand, at=at + 2)
    in_order(stand, at=at + 1)


def test_a_walk_in_of_a_day_without_a_shift_is_refused(db: Engine) -> None:
    sundays = {"brunch": ShiftTimes(first=time(10), weekdays=1 << 6)}
    stand = a_stand(db, tables=TWO_TABLES, shifts=sundays)
    with pytest.raises(Invalid) as refused:
        walk_in(stand)
    assert refused.value.fields[0].field == "start"


def test_a_walk_in_has_the_table_until_the_next_party_needs_it(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies={"buffer_minutes": 15, "lead_minutes": 0})
    stand.book(2, start=minutes(60))
    number, warnings = walk_in(stand)
    assert (warnings, stand.row(number).ends_at) == (["short_turn"], minutes(45))
    assert stand.held(number) == {"1": (0, 4)}
    in_order(stand, at=7)


def test_a_walk_in_is_not_seated_for_less_than_half_an_hour(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    stand.book(2, start=minutes(15))
    with pytest.raises(NotSeated) as refused:
        walk_in(stand)
    assert refused.value.reason == "full"
    in_order(stand, at=7)


def test_others_are_re_seated_before_a_turn_is_cut_short(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES | {"9": ("hall", 2, 6)})
    later = stand.ask(2, start=minutes(60))
    assert stand.held(later) == {"1": (4, 10)}
    stand.book(2, tables=("2",))
    stand.book(6, tables=("9",), start=minutes(-90))
    number, warnings = walk_in(stand, at=16)
    assert (warnings, stand.held(number)) == ([], {"1": (1, 7)})
    assert "1" not in stand.held(later)
    assert history(stand, later)[-1] == ("confirmed", "confirmed", "re_seated")
    in_order(stand, at=16)


def test_the_host_chooses_the_table_of_a_walk_in(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    with pytest.raises(TooLarge, match="seats up to 2"):
        walk_in(stand, 4, tables=("2",))
    number, _ = walk_in(stand, 4, tables=("2",), force=Force(squeeze=True, text="they insist"))
    assert (stand.held(number), stand.row(number).tables_chosen) == ({"2": (0, 7)}, True)
    with pytest.raises(NotSeated):
        walk_in(stand, tables=("2",))
    with pytest.raises(Invalid):
        walk_in(stand, table_ids=(4711,))
    with pytest.raises(NotSeated) as refused:
        walk_in(stand, 5)
    assert refused.value.reason == "party_too_large"
    in_order(stand, at=7)


def test_a_table_where_somebody_overstays_is_not_given_to_a_walk_in(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    first = stand.book(2, tables=("1",))
    stand.move(seat, first, now=START)
    number, _ = walk_in(stand, at=100)
    assert stand.held(number) == {"2": (6, 12)}


def test_the_same_key_seats_one_walk_in(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number, _ = walk_in(stand, key="once")
    assert walk_in(stand, at=9, key="once") == (number, [])
    with pytest.raises(KeyReused):
        walk_in(stand, 3, key="once")


def test_a_walk_in_can_be_undone_until_it_is_only_confirmed(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number, _ = walk_in(stand)
    stand.move(take_back, number, now=minutes(8))
    assert stand.row(number).status == "confirmed"
    in_order(stand, at=8)
