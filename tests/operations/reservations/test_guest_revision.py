"""The guest's revision: raised only by what the guest can see, change requests included."""

from typing import Any

import pytest
from sqlalchemy import Engine

from models.core.errors import RevisionConflict
from models.operations.reservations.changes import (
    cancel_reservation,
    edit_details,
    request_change,
)
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.rules.messages.sending import Action, judge
from models.rules.reservations.requests import TableChange
from tests.operations.evenings import HOUR, TWO_TABLES, a_stand, outgoing, told, wish_row
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both


def revisions(stand: Stand, number: int) -> tuple[int, int]:
    """The row's and the guest's."""
    row = stand.row(number)
    return row.revision, row.guest_revision


def wish(stand: Stand, number: int, *, if_revision: int, **change: Any) -> int | None:
    said: dict[str, Any] = {"now": NOW, "actor": "guest", "if_revision": if_revision}
    asked = TableChange(**change)
    return stand.do(lambda session: request_change(session, number, change=asked, **said))


def edit(stand: Stand, number: int, **what: Any) -> None:
    stand.do(lambda session: edit_details(session, number, now=NOW, **what))


def test_another_table_is_no_news_for_the_guest(db: Engine) -> None:
    stand = a_stand(db, tables={"1": ("hall", 1, 2), "2": ("hall", 1, 4)})
    first, second = stand.ask(), stand.ask()
    stand.cancel(first)
    assert revisions(stand, second) == (2, 2)
    stand.ask(4)  # takes the large table, so the party moves to the small one
    assert stand.held(second) == {"1": (0, 6)}
    assert revisions(stand, second) == (3, 2)
    assert wish(stand, second, if_revision=2, party_size=1) is not None


def test_what_the_staff_do_among_themselves_is_no_news_either(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask()
    edit(stand, number, actor=STAFF, by_staff=True, staff_note="regular")
    assert revisions(stand, number) == (3, 2)
    stand.move(seat, number, now=START)
    assert revisions(stand, number) == (4, 3)  # the guest sees that the party sits
    stand.move(seat, number, now=START, table_ids=(stand.restaurant.tables["2"],))
    assert revisions(stand, number) == (5, 3)
    edit(stand, number, actor=STAFF, by_staff=True, note="a cake at nine", if_revision=5)
    assert revisions(stand, number) == (6, 4)


def test_of_two_wishes_with_one_revision_the_second_is_refused(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask()
    first = wish(stand, number, if_revision=2, party_size=4)
    with pytest.raises(RevisionConflict):
        wish(stand, number, if_revision=2, starts_at=START + HOUR)
    assert wish(stand, number, if_revision=2, party_size=4) == first  # the same request again
    assert revisions(stand, number) == (2, 3)
    stand.drain()
    assert wish(stand, number, if_revision=2, party_size=4) is None  # it has that size by now
    assert (stand.row(number).party_size, stand.row(number).starts_at) == (4, START)
    assert revisions(stand, number) == (3, 4)


def test_a_wish_that_is_taken_back_is_a_step_too(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask()
    wish(stand, number, if_revision=2, party_size=4)
    assert wish(stand, number, if_revision=3, party_size=2) is None
    assert revisions(stand, number) == (2, 4)


def test_a_wish_does_not_stand_in_the_staffs_way(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask()
    wish(stand, number, if_revision=2, party_size=4)
    said: dict[str, Any] = {"now": NOW, "actor": STAFF, "by_staff": True}
    stand.do(lambda s: cancel_reservation(s, number, if_revision=2, **said))
    assert stand.row(number).status == "cancelled"


def test_details_that_are_so_already_leave_no_line(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask()
    edit(stand, number, actor="guest", note="nuts", if_revision=2)
    edit(stand, number, actor="guest", note="nuts", if_revision=2)
    assert revisions(stand, number) == (3, 3)
    with pytest.raises(RevisionConflict):
        edit(stand, number, actor="guest", note="no nuts", if_revision=2)


# --- every stored change request is answered


@pytest.mark.parametrize("moves", [(arrive,), (seat,), (seat, finish), (mark_no_show,)])
def test_a_party_that_has_arrived_is_told_that_its_change_was_late(db: Engine, moves: Any) -> None:
    stand = a_stand(db)
    number = stand.ask()
    asked = stand.wish(number, party_size=4)
    for move in moves:
        stand.move(move, number, now=START)
    stand.drain(now=START)
    assert (wish_row(stand, asked).status, wish_row(stand, asked).reason) == ("refused", "too_late")
    assert told(stand, number) == ["confirmation", "change_refused"]
    refusal = outgoing(stand, now=START)[-1]
    assert judge(refusal.standing, now=START).action is Action.SEND
    assert stand.row(number).party_size == 2


def test_each_refusal_is_about_its_own_wish(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    stand.ask(start=START + HOUR)
    stand.ask(start=START + HOUR)
    number = stand.ask(start=START - HOUR)
    for wished in ({"starts_at": START + HOUR}, {"party_size": 5}):
        stand.wish(number, **wished)
        stand.drain()
    first, second = (each for each in outgoing(stand) if each.kind == "change_refused")
    assert first.wish and second.wish
    assert (first.wish.reason, first.wish.starts_at) == ("full", START + HOUR)
    assert (second.wish.reason, second.wish.party_size) == ("party_too_large", 5)
