"""Guests who cannot book online: blocked ones at the door, too many no-shows until it is lifted."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.core.secrets.signing import contact_key
from models.entities import AuditEntry, GuestContact, GuestRecord, Reservation
from models.operations.door.joining import GUEST, DoorRequest, join
from models.operations.guest_book.filing import file_some
from models.operations.guest_book.merging import merge_record
from models.operations.guest_book.records import GuestAct, block, lift_limit, unblock
from models.operations.reservations.changes import edit_details
from models.operations.reservations.staff_changes import change_by_staff
from models.queries.floor.load import restaurant_by_id
from models.queries.guest_book.standing import refusals
from models.rules.reservations.requests import GuestDetails, TableChange
from tests.operations.evenings import a_stand
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both

ANN, PHONE = "ann@example.com", "+4930123456"
DAY = timedelta(days=1)


@pytest.fixture
def stand(db: Engine) -> Stand:
    return a_stand(db, policies={"door_online": True, "no_show_limit": 2})


def missed(stand: Stand, *, days_ago: int = 1, **guest: Any) -> None:
    """A party that did not come."""
    number = stand.ask(2, start=START + 3 * DAY, **guest)
    at = {"status": "no_show", "starts_at": NOW - days_ago * DAY}
    stand.do(lambda session: session.execute(update(Reservation).filter_by(id=number).values(**at)))


def record(stand: Stand, contact: str = ANN) -> int:
    """File every reservation; the id of the record with this contact."""
    stand.do(lambda session: file_some(session, after=0, now=NOW, limit=1000))
    with Session(stand.bind) as session:
        found = session.get_one(GuestContact, (contact_key(contact), stand.restaurant.id))
        return found.guest_id


def on(stand: Stand, guest: int, *, if_revision: int | None = None) -> GuestAct:
    return GuestAct(stand.restaurant.id, guest, STAFF, NOW, if_revision)


def at_the_door(stand: Stand, key: str, *, actor: str = GUEST, email: str = ANN) -> int:
    asked = DoorRequest(party_size=2, guest=GuestDetails(name="Ann", email=email, phone=None))

    def work(session: Session) -> int:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        return join(
            session, restaurant, request=asked, key=key, body=b"x", now=START, actor=actor
        ).reservation_id

    return stand.do(work)


def why(stand: Stand, *contacts: str) -> tuple[str, ...]:
    with Session(stand.bind) as session:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        return refusals(session, restaurant, map(contact_key, contacts), now=NOW)


def test_a_blocked_guest_cannot_join_the_door_by_the_link_but_the_staff_may_add_it(
    stand: Stand,
) -> None:
    stand.ask(2, email=ANN, phone=PHONE)
    guest = record(stand)
    stand.do(lambda session: block(session, on(stand, guest), "left without paying"))
    with pytest.raises(StateConflict, match="cannot join now"):
        at_the_door(stand, "one")
    assert at_the_door(stand, "two", email="eve@example.com")
    assert at_the_door(stand, "three", actor=STAFF)
    assert why(stand, PHONE) == ("blocked",)


def test_a_guest_who_is_blocked_no_longer_may_join_again(stand: Stand) -> None:
    stand.ask(2, email=ANN)
    guest = record(stand)
    stand.do(lambda session: block(session, on(stand, guest), ""))
    stand.do(lambda session: unblock(session, on(stand, guest)))
    assert at_the_door(stand, "one")
    assert why(stand, ANN) == ()


def test_a_lifted_limit_lets_the_guest_book_online_until_it_misses_as_often_again(
    stand: Stand,
) -> None:
    missed(stand, email=ANN)
    missed(stand, days_ago=100, email=ANN)
    guest = record(stand)
    assert stand.row(stand.ask(2, email=ANN)).reason == "no_shows"
    assert why(stand, ANN) == ("no_shows",)
    for _ in range(2):  # the repeat finds no no-show that counts
        lifted = stand.do(lambda session: lift_limit(session, on(stand, guest)).revision)
        assert lifted == 2
    assert why(stand, ANN) == ()
    assert stand.row(stand.ask(2, start=START + DAY, email=ANN)).status == "confirmed"
    missed(stand, days_ago=-1, email=ANN)
    missed(stand, days_ago=-1, email=ANN)
    assert stand.row(stand.ask(2, start=START + 5 * DAY, email=ANN)).reason == "no_shows"
    with Session(stand.bind) as session:
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions.count("guest.limit_lifted") == 1


def test_a_lifted_limit_holds_for_every_contact_and_at_one_restaurant(db: Engine) -> None:
    stands = [a_stand(db, slug=slug, policies={"no_show_limit": 2}) for slug in ("first", "second")]
    for stand in stands:
        for _ in range(2):
            missed(stand, email=ANN, phone=PHONE)
    one, two = stands
    guest = record(one)
    one.do(lambda session: lift_limit(session, on(one, guest)))
    assert (why(one, PHONE), why(two, PHONE)) == ((), ("no_shows",))
    assert one.row(one.ask(2, email=None, phone=PHONE)).status == "confirmed"
    assert two.row(two.ask(2, email=None, phone=PHONE)).reason == "no_shows"


def test_a_merge_keeps_the_lifted_limit(stand: Stand) -> None:
    missed(stand, email=ANN)
    missed(stand, email=ANN)
    stand.ask(2, email="a@king.uk")
    other = record(stand)
    mine = record(stand, "a@king.uk")
    stand.do(lambda session: lift_limit(session, on(stand, other)))
    stand.do(lambda session: merge_record(session, on(stand, mine), other))
    assert why(stand, ANN) == ()
    with Session(stand.bind) as session:
        assert session.get_one(GuestRecord, mine).limit_lifted_at == NOW


def test_a_blocked_guest_may_cancel_but_not_change_what_exists(stand: Stand) -> None:
    number = stand.ask(2, email=ANN)
    guest = record(stand)
    stand.do(lambda session: block(session, on(stand, guest), "rude"))
    before = stand.row(number)
    for wish in ({"party_size": 1}, {"starts_at": START + timedelta(hours=1)}):
        with pytest.raises(StateConflict, match="please call the restaurant"):
            stand.wish(number, now=NOW, **wish)
    other = GuestDetails(name="Ann", email="other@example.com", phone=None)
    with pytest.raises(StateConflict, match="please call the restaurant"):
        stand.move(edit_details, number, now=NOW, guest=other)
    assert stand.row(number).revision == before.revision
    stand.move(edit_details, number, now=NOW, note="by the window")
    stand.move(change_by_staff, number, now=NOW, change=TableChange(party_size=1))
    assert stand.row(number).party_size == 1
    stand.cancel(number, now=NOW)
    assert stand.row(number).status == "cancelled"
