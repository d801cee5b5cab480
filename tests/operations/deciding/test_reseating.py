"""Re-seating: a full restaurant moves parties that have not arrived; guests are not notified."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from models.core.database.transactions import reading
from models.core.errors import NotSeated
from models.integrity.check import findings
from models.rules.flags import Flag
from tests.operations.evenings import HOUR, a_stand, history, one_round, set_now, statuses, told
from tests.services.counting import counting
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.both

SMALL_AND_LARGE = {"1": ("hall", 1, 2), "2": ("hall", 1, 4)}
#: each fits one party size and the next smaller one
STEPS = {str(size): ("hall", max(size - 1, 1), size) for size in range(1, 6)}
SEATED = (0, 6)


def a_party_at_the_large_table(db: Engine) -> tuple[Stand, int]:
    """The small table was taken when it requested one, and is free now."""
    stand = a_stand(db, tables=SMALL_AND_LARGE)
    first, second = stand.ask(), stand.ask()
    stand.cancel(first)
    assert stand.held(second) == {"2": SEATED}
    return stand, second


def in_order(stand: Stand, *, now: Any = NOW) -> None:
    with reading(stand.bind) as session:
        assert findings(session, now=now, grace_seconds=10**9) == []


def test_a_party_moves_so_that_another_has_a_table(db: Engine) -> None:
    stand, second = a_party_at_the_large_table(db)
    four = stand.ask(4)
    assert stand.held(four) == {"2": (0, 7)}
    assert stand.held(second) == {"1": SEATED}
    assert history(stand, second)[1:] == [("confirmed", "confirmed", "re_seated")]
    assert told(stand, second) == ["confirmation"]
    assert told(stand, four) == ["confirmation"]
    in_order(stand)


def test_a_party_decided_in_the_same_round_moves_before_it_is_written(db: Engine) -> None:
    tables = SMALL_AND_LARGE | {"3": ("terrace", 1, 6)}
    stand = a_stand(db, tables=tables)
    parties = [stand.request(), stand.request(), stand.request(4, area_key="hall")]
    one_round(stand)
    held = [list(stand.held(number)) for number in parties]
    assert held == [["1"], ["3"], ["2"]]
    assert history(stand, parties[1]) == [("requested", "confirmed", "decision")]
    in_order(stand)


def test_switched_off_nobody_moves(db: Engine) -> None:
    stand, second = a_party_at_the_large_table(db)
    set_now(stand, Flag.RE_SEATING, percent=0)
    assert stand.row(stand.ask(4)).status == "waitlisted"
    assert stand.held(second) == {"2": SEATED}


@pytest.mark.parametrize("exact", [True, False])
def test_a_chain_of_many_needs_the_exact_search(db: Engine, *, exact: bool) -> None:
    stand = a_stand(db, tables=STEPS)
    if not exact:
        set_now(stand, Flag.EXACT_SEATING, percent=0)
    blocking = [stand.ask(size) for size in range(1, 6)]
    rising = []
    for size in range(4, 0, -1):  # the next larger one is free, its own is taken
        stand.cancel(blocking[size])
        rising.append(stand.ask(size))
    stand.cancel(blocking[0])
    five = stand.ask(5)
    assert stand.row(five).status == ("confirmed" if exact else "waitlisted")
    assert [list(stand.held(number)) for number in rising] == (
        [["4"], ["3"], ["2"], ["1"]] if exact else [["5"], ["4"], ["3"], ["2"]]
    )
    in_order(stand)


def test_parties_that_come_soon_or_were_seated_by_the_staff_stay(db: Engine) -> None:
    stand, second = a_party_at_the_large_table(db)
    soon = START - timedelta(minutes=29)
    later = stand.ask(4, now=soon, start=START + HOUR / 2)
    assert stand.row(later).status == "waitlisted"
    with pytest.raises(NotSeated):
        stand.book(4, now=soon)
    assert stand.held(second) == {"2": SEATED}
    other = a_stand(db, tables=SMALL_AND_LARGE, slug="other")
    chosen = other.book(tables=("2",))
    assert other.row(other.ask(4)).status == "waitlisted"
    assert other.held(chosen) == {"2": SEATED}


def test_the_staff_find_room_by_it_too(db: Engine) -> None:
    stand, second = a_party_at_the_large_table(db)
    booked = stand.book(4)
    assert (stand.held(booked), stand.held(second)) == ({"2": (0, 7)}, {"1": SEATED})
    in_order(stand)


def test_a_change_moves_others_and_its_own_party_is_not_in_its_way(db: Engine) -> None:
    stand, second = a_party_at_the_large_table(db)
    grows = stand.ask()
    assert stand.held(grows) == {"1": SEATED}
    # the two swap tables
    stand.change(grows, party_size=4)
    assert (stand.held(grows), stand.held(second)) == ({"2": (0, 7)}, {"1": SEATED})
    in_order(stand)


def test_a_party_moved_in_this_round_changes_in_the_next(db: Engine) -> None:
    stand, second = a_party_at_the_large_table(db)
    four = stand.request(4)
    wish = stand.wish(second, starts_at=START + 2 * HOUR)
    stand.drain()
    assert statuses(stand, [second, four]) == ["confirmed", "confirmed"]
    assert stand.held(second) == {"1": (8, 14)}
    assert wish
    in_order(stand)


def test_looking_costs_two_statements_and_moving_four_more(db: Engine) -> None:
    stand, _ = a_party_at_the_large_table(db)
    stand.request(4)
    with counting(db) as moving:
        one_round(stand)
    other = a_stand(db, tables=SMALL_AND_LARGE, slug="calm")
    other.cancel(other.ask())
    other.request(4)
    with counting(db) as calm:
        one_round(other)
    # movable parties and their tables; then their rows, and out of the old tables
    assert moving.count - calm.count == 2 + 1 + 3
