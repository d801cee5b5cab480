"""The size, time or area of a party that is here already is changed at once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from models.core.database.transactions import reading
from models.core.errors import Invalid, NotSeated, RevisionConflict, StateConflict
from models.integrity.check import findings
from models.operations.reservations.staff_changes import change_by_staff
from models.operations.stand.arrivals import arrive, finish, seat
from models.operations.stand.undo import take_back
from models.rules.reservations.requests import TableChange
from tests.operations.evenings import a_stand, history, told, wish_row
from tests.services.running.stand import STAFF, START, Stand

pytestmark = pytest.mark.both
TABLES = {
    "1": ("hall", 1, 2), "2": ("hall", 1, 2), "4": ("hall", 3, 4), "T": ("terrace", 1, 4)
}  # fmt: skip


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def party(db: Engine, *verbs: Callable[..., None], **more: Any) -> tuple[Stand, int]:
    """A party of two, for which these verbs were done at its start."""
    stand = a_stand(db, tables=TABLES, **more)
    number = stand.ask(2)
    for verb in verbs:
        stand.move(verb, number, now=START)
    return stand, number


def change(
    stand: Stand, number: int, *, at: float = 5, seen: int | None = None, **wish: Any
) -> Any:
    said: dict[str, Any] = {"now": minutes(at), "actor": STAFF, "if_revision": seen}
    asked = TableChange(**wish)
    return stand.do(lambda session: change_by_staff(session, number, change=asked, **said))


def in_order(stand: Stand, *, at: float) -> None:
    with reading(stand.bind) as session:
        assert findings(session, now=minutes(at), grace_seconds=10**9) == []


def test_a_seated_party_that_grows_keeps_its_table(db: Engine) -> None:
    stand, number = party(db, seat)
    assert change(stand, number, party_size=3)
    row = stand.row(number)
    assert (row.status, row.party_size, row.ends_at) == ("seated", 3, minutes(90))
    assert stand.held(number) == {"1": (0, 6)}
    assert history(stand, number)[-1] == ("seated", "seated", "changed")
    assert told(stand, number) == ["confirmation"]
    in_order(stand, at=5)


def test_a_seated_party_moves_to_the_area_that_it_is_to_have(db: Engine) -> None:
    stand, number = party(db, seat)
    assert change(stand, number, area_key="terrace")
    assert (stand.row(number).status, stand.held(number)) == ("seated", {"T": (0, 6)})
    in_order(stand, at=5)
    stand.move(finish, number, now=minutes(40))
    in_order(stand, at=40)


def test_a_party_that_has_arrived_gets_a_table_for_its_size_from_now_on(db: Engine) -> None:
    """The table was taken at the party's start, and is free now."""
    stand, number = party(db, arrive)
    before = stand.ask(4, start=minutes(-60))
    stand.move(seat, before, now=minutes(-60))
    assert stand.held(before) == {"4": (-4, 3)}
    with pytest.raises(NotSeated):
        change(stand, number, at=20, party_size=4, area_key="hall")
    stand.move(finish, before, now=minutes(14))
    assert change(stand, number, at=20, party_size=4, area_key="hall")
    row = stand.row(number)
    assert (row.status, row.party_size, row.ends_at) == ("arrived", 4, minutes(105))
    assert stand.held(number) == {"4": (1, 7)}
    assert told(stand, number) == ["confirmation"]
    in_order(stand, at=20)
    stand.move(seat, number, now=minutes(21))
    in_order(stand, at=21)


def test_a_party_that_has_arrived_keeps_a_table_that_serves_it(db: Engine) -> None:
    stand, number = party(db, arrive)
    second = stand.book(4, tables=("T",))
    stand.move(arrive, second, now=START)
    change(stand, second, party_size=3)
    assert stand.held(second) == {"T": (0, 7)}
    change(stand, number, party_size=1)
    assert stand.held(number) == {"1": (0, 6)}
    in_order(stand, at=5)


def test_a_party_that_has_arrived_sits_down_later(db: Engine) -> None:
    stand, number = party(db, arrive)
    assert change(stand, number, starts_at=minutes(30))
    row = stand.row(number)
    assert (row.status, row.starts_at, row.ends_at) == ("arrived", minutes(30), minutes(120))
    assert stand.held(number) == {"1": (2, 8)}
    in_order(stand, at=5)
    stand.move(take_back, number, now=minutes(6))
    assert stand.row(number).status == "confirmed"
    in_order(stand, at=6)


def test_pacing_does_not_hold_who_is_here(db: Engine) -> None:
    stand, number = party(db, arrive, policies={"pacing": {"covers": 2}})
    assert change(stand, number, party_size=4)
    assert stand.row(number).party_size == 4
    in_order(stand, at=5)


@pytest.mark.parametrize("verb", [arrive, seat])
def test_what_cannot_be_leaves_everything_as_it_was(db: Engine, verb: Any) -> None:
    stand, number = party(db, verb)
    stand.book(4, tables=("T",))
    before = (stand.row(number).revision, stand.held(number), stand.revision())
    wrong: list[tuple[type[Exception], dict[str, Any]]] = [
        (NotSeated, {"area_key": "terrace"}),
        (Invalid, {"area_key": "cellar"}),
        (Invalid, {"party_size": 1000}),
        (StateConflict if verb is seat else Invalid, {"starts_at": minutes(7)}),
    ]
    for error, wish in wrong:
        with pytest.raises(error):
            change(stand, number, **wish)
    assert before == (stand.row(number).revision, stand.held(number), stand.revision())
    in_order(stand, at=5)


def test_a_change_of_who_is_here_is_made_once(db: Engine) -> None:
    stand, number = party(db, seat)
    seen = stand.row(number).revision
    assert change(stand, number, seen=seen, party_size=3)
    assert not change(stand, number, seen=seen, party_size=3)
    with pytest.raises(RevisionConflict):
        change(stand, number, seen=seen, party_size=4)
    assert stand.row(number).revision == seen + 1


def test_a_wish_of_the_guest_is_answered_before_the_staffs_change(db: Engine) -> None:
    stand = a_stand(db, tables=TABLES)
    number = stand.ask(2)
    wish = stand.wish(number, party_size=4)
    stand.move(arrive, number, now=START)
    assert change(stand, number, party_size=1)
    assert (wish_row(stand, wish).status, wish_row(stand, wish).reason) == ("refused", "too_late")
    assert stand.row(number).party_size == 1
    in_order(stand, at=5)
