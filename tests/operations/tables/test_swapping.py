"""Swap the tables of two parties: to come, waiting or seated."""

from typing import Any

import pytest
from sqlalchemy import Engine

from models.core.errors import Invalid, StateConflict
from models.operations.reservations.repeats import ActsOn
from models.operations.stand.arrivals import arrive, seat
from models.operations.tables.forcing import Force
from models.operations.tables.locking import set_lock
from tests.operations.evenings import a_stand, told
from tests.operations.stand.test_sitting import sits_at
from tests.operations.tables.acts import (
    FLOOR,
    NEAR,
    facts,
    in_order,
    last_move,
    minutes,
    moved,
    refused,
    swap,
    why,
)
from tests.services.running.stand import NOW, Stand

pytestmark = pytest.mark.both


@pytest.fixture
def stand(db: Engine) -> Stand:
    return a_stand(db, tables=FLOOR, policies=NEAR)


def test_two_parties_to_come_swap_and_neither_guest_is_told(stand: Stand) -> None:
    first, second = stand.ask(2), stand.ask(2, start=minutes(15))
    swap(stand, first, second, now=NOW)
    assert (stand.held(first), stand.held(second)) == ({"2": (0, 6)}, {"1": (1, 7)})
    said = {"with": stand.row(second).reference, "from": ["1"], "to": ["2"]}
    assert last_move(stand, first) == ("swapped", said)
    assert last_move(stand, second)[1]["to"] == ["1"]
    assert told(stand, first) == told(stand, second) == ["confirmation"]
    assert in_order(stand, now=NOW)


@pytest.mark.parametrize("other_sits", [True, False], ids=["both sit", "one waits"])
def test_seated_parties_swap(stand: Stand, other_sits: bool) -> None:
    first, second = stand.ask(2), stand.ask(2)
    stand.move(seat, first, now=minutes(0))
    stand.move(seat if other_sits else arrive, second, now=minutes(0))
    swap(stand, first, second, now=minutes(20))
    assert sits_at(stand) == ({"2": first, "1": second} if other_sits else {"2": first})
    assert (stand.held(first), stand.held(second)) == ({"2": (1, 6)}, {"1": (1, 6)})
    assert in_order(stand, now=minutes(20))


def test_a_swap_is_made_once_and_the_other_way_round_again(stand: Stand) -> None:
    first, second = stand.ask(2), stand.ask(2)
    seen = ActsOn(revision=stand.row(first).revision)
    swap(stand, first, second, now=NOW, acts_on=seen)
    before = facts(stand, first, second)
    swap(stand, first, second, now=NOW, acts_on=seen)
    assert facts(stand, first, second) == before
    swap(stand, first, second, now=NOW)
    assert stand.held(first) == {"1": (0, 6)}


def test_a_third_party_makes_way_for_a_swap_or_is_named(stand: Stand) -> None:
    """The second party stays longer than the first: it would reach into the third's time."""
    first, second = stand.ask(2), stand.ask(4)
    third = stand.book(2, start=minutes(90), tables=("1",))
    more: dict[str, Any] = {"force": Force(squeeze=True, text="close friends"), "now": NOW}
    stand.move(set_lock, third, now=NOW, locked=True)
    act = lambda: swap(stand, first, second, **more)  # noqa: E731
    assert why(refused(stand, act, first, second, third)) == [(third, "locked")]
    stand.move(set_lock, third, now=NOW, locked=False)
    outcome = swap(stand, first, second, **more)
    assert moved(outcome) == {stand.row(third).reference: (("1",), ("2",))}
    assert in_order(stand, now=NOW)


def test_what_cannot_be_swapped_is_refused(stand: Stand) -> None:
    first, second = stand.ask(2), stand.ask(4)
    with pytest.raises(StateConflict, match="seats up to 2"):
        swap(stand, first, second, now=NOW)
    with pytest.raises(Invalid, match="another reservation"):
        swap(stand, first, first, now=NOW)
    stand.move(set_lock, second, now=NOW, locked=True)
    with pytest.raises(StateConflict, match="is locked"):
        swap(stand, first, second, now=NOW)
