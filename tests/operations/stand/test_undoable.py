"""What can be undone: the rules, the operations and the page's message at the bottom agree."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, update

from models.core.errors import StateConflict
from models.entities import Restaurant
from models.operations.door.calling import call_to_table
from models.operations.door.joining import DoorRequest, join
from models.operations.door.leaving import leave_list, pass_over
from models.operations.reservations.changes import cancel_reservation
from models.operations.stand.approving import approve, decline
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.operations.stand.confirming import confirm_waitlisted
from models.operations.stand.undo import take_back
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.requests import GuestDetails
from models.rules.reservations.verbs import UNDONE_BY, Verb
from tests.architecture.tree import ROOT
from tests.operations.evenings import TWO_TABLES, a_stand
from tests.services.running.stand import STAFF, START, Stand
from web.pages.stand.page import UNDOABLE

Act = Callable[..., Any]
LATER = START + timedelta(minutes=1)
VERBS = (ROOT / "web/static/stand/verbs.js").read_text(encoding="utf-8")


def booked(stand: Stand) -> int:
    return stand.book(2)


def requested(stand: Stand) -> int:
    rules = {"approvals": [{"min_party": 1}]}
    stand.plant(update(Restaurant).values(day_rules=rules, revision=Restaurant.revision + 1))
    return stand.ask(2, now=START - timedelta(hours=1))


def waiting(stand: Stand) -> int:
    taken = [stand.book(2), stand.book(2)]
    number = stand.ask(2)
    for each in taken:
        stand.move(cancel_reservation, each, now=LATER, by_staff=True)
    return number


def at_the_door(stand: Stand) -> int:
    asked = DoorRequest(party_size=2, guest=GuestDetails(name="Door", email=None, phone=None))
    given: dict[str, Any] = {"request": asked, "key": "door", "body": b"x", "actor": STAFF}

    def work(session: Any) -> int:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        return join(session, restaurant, now=LATER, **given).reservation_id

    return stand.do(work)


def seated(stand: Stand) -> int:
    number = stand.book(2)
    stand.move(seat, number, now=LATER)
    return number


#: act -> a party for which it is the next, and its operation
ACTS: dict[Verb, tuple[Callable[[Stand], int], Act]] = {
    Verb.ARRIVE: (booked, arrive),
    Verb.SEAT: (booked, seat),
    Verb.FINISH: (seated, finish),
    Verb.NO_SHOW: (booked, mark_no_show),
    Verb.CANCEL: (booked, partial(cancel_reservation, by_staff=True)),
    Verb.DECLINE: (requested, decline),
    Verb.LEAVE: (at_the_door, leave_list),
    Verb.APPROVE: (requested, approve),
    Verb.CONFIRM: (waiting, confirm_waitlisted),
    Verb.READY: (at_the_door, call_to_table),
    Verb.PASS_OVER: (at_the_door, partial(pass_over, why="too large")),
}


def now_of(stand: Stand, number: int, verb: Verb) -> datetime:
    return START - timedelta(minutes=50) if verb in (Verb.DECLINE, Verb.APPROVE) else LATER


@pytest.mark.parametrize("verb", ACTS)
def test_exactly_what_the_rules_say_can_be_taken_back(db: Engine, verb: Verb) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    party, act = ACTS[verb]
    number = party(stand)
    now = now_of(stand, number, verb)
    before = stand.row(number)
    stand.move(act, number, now=now)
    assert stand.row(number).revision > before.revision
    if UNDONE_BY.get(verb) is not Verb.TAKE_BACK:
        with pytest.raises(StateConflict, match="nothing to undo"):
            stand.move(take_back, number, now=now + timedelta(seconds=10))
        return
    stand.move(take_back, number, now=now + timedelta(seconds=10))
    after = stand.row(number)
    assert (after.status, after.approve_by) == (before.status, before.approve_by)


def test_the_page_offers_to_undo_exactly_what_the_rules_say() -> None:
    body = VERBS[VERBS.index("function undoOf") :].partition("\n}\n")[0]
    by_name = set(re.findall(r'verb === "([\w-]+)"', body))
    taken_back = {each for each, by in UNDONE_BY.items() if by is Verb.TAKE_BACK}
    assert set(UNDOABLE.split()) == {each.value for each in taken_back}
    # a party that is seated elsewhere gets its tables back
    assert by_name - {"seat", "arrive"} == {each.value for each in UNDONE_BY.keys() - taken_back}


def test_every_act_of_the_page_is_known_to_the_rules() -> None:
    templates = (ROOT / "web/templates/stand").glob("*.html")
    text = "\n".join(path.read_text(encoding="utf-8") for path in templates)
    named = set(re.findall(r'data-(?:verb|propose)="([a-z][\w-]*)"', text))
    assert len(named) >= 3
    assert named <= {each.value for each in Verb}
