"""Join the list at the door: the staff add a party, or a guest joins by the link.

An entry is a reservation of source `door` in `waitlisted`, and a row of `door_entries`. Guest,
contact, messages, link, history, erasure and retention are those of every reservation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.errors import Invalid, StateConflict, sentence
from models.core.secrets.signing import contact_key, new_reference
from models.entities.door import DoorEntry
from models.entities.reservations import Reservation
from models.operations.deciding.books import lock_books, touch_books
from models.operations.deciding.verdicts import Verdicts
from models.operations.reservations.booking import Accepted, insert_row, new_row, replayed
from models.operations.reservations.idempotency_keys import claim_key
from models.queries.deciding.parties import COLUMNS
from models.queries.door.waiting import InLine, newcomers, read_line
from models.queries.evening.limits import limits_within
from models.queries.floor.load import restaurant_by_id
from models.queries.guest_book.standing import is_blocked
from models.queries.guest_book.vips import is_vip
from models.rules.deciding.board import Outcome, Reason
from models.rules.door.hours import SHUT_WORDS, Shut, Tonight, shut_for, tonight
from models.rules.door.quotes import Quote
from models.rules.evening.limits import Limits
from models.rules.messages.notifying import JOINED_REASON
from models.rules.reservations.lifecycle import DOOR, Status
from models.rules.reservations.requests import GuestDetails, TableRequest
from models.rules.restaurant.policies import area_problem
from models.rules.restaurant.restaurant import RestaurantSpec

GUEST: Final = "guest"
#: To a guest: whether somebody waits here is nobody else's to know.
_ON_IT: Final = (
    "this contact cannot join now; if you are on the list already, use the link that we sent you"
)


@dataclass(frozen=True, slots=True)
class DoorRequest:
    """A party that wants to wait at the door."""

    party_size: int
    guest: GuestDetails
    area_key: str | None = None
    note: str = ""
    staff_note: str = ""


def join(
    session: Session,
    restaurant: RestaurantSpec,
    *,
    request: DoorRequest,
    key: str,
    body: bytes,
    now: datetime,
    actor: str,
    notify: bool = True,
) -> Accepted:
    """Put a party on the list, quote its wait, and send it the link to its place.

    One entry a guest: a contact that waits already is refused, and so is a blocked guest who joins
    by the link. The staff are bound by neither the list's hours nor its length, but a closed book
    takes nobody. Raises Invalid (field named), StateConflict, KeyReused, KeyInFlight.
    """
    reference, by_staff = new_reference(), actor != GUEST
    connection = session.connection()
    scope = f"door:{actor}:{restaurant.id}"
    before = claim_key(connection, scope, key, body=body, reference=reference, now=now)
    if before is not None:
        return replayed(connection, before)
    there = _tonight(restaurant, request, now=now, by_staff=by_staff)
    lock_books(session, {there.sitting.book_id: restaurant.id})
    restaurant = restaurant_by_id(session, restaurant.id)
    line = read_line(session, restaurant, there, now=now)
    limits = limits_within(session, there.sitting.book_id)
    _check_line(restaurant, there, line, request, limits, by_staff=by_staff)
    if not by_staff and is_blocked(session, restaurant.id, _contacts(request)):
        raise StateConflict(_ON_IT)
    row = _row(restaurant, there, request, reference=reference, now=now)
    quote = _quote(session, restaurant, there, line, request, now=now)
    number = insert_row(connection, row)
    session.add(_entry(number, restaurant.id, quote, now=now, by_guest=not by_staff))
    _wait(session, restaurant, number, now=now, actor=actor, notify=notify)
    touch_books(session, {there.sitting.book_id: restaurant.id})
    return Accepted(number, reference, row["link_secret"])


def _tonight(
    restaurant: RestaurantSpec, request: DoorRequest, *, now: datetime, by_staff: bool
) -> Tonight:
    """Return the sitting to wait in. Raises Invalid and StateConflict, before any lock."""
    if problem := area_problem(restaurant, request.area_key, online=not by_staff):
        raise Invalid.field("area", problem)
    there = tonight(restaurant, now)
    size = request.party_size
    shut = shut_for(restaurant, there, party_size=size, waiting=0, by_staff=by_staff)
    if shut is Shut.PARTY_TOO_LARGE:
        raise Invalid.field("party_size", SHUT_WORDS[shut])
    if shut is not None or there is None:
        raise StateConflict(SHUT_WORDS[shut or Shut.CLOSED])
    return there


def _check_line(
    restaurant: RestaurantSpec,
    there: Tonight,
    line: Sequence[InLine],
    request: DoorRequest,
    limits: Limits,
    *,
    by_staff: bool,
) -> None:
    """Raise StateConflict if the list is full or closed, or the contact is on it already."""
    contacts = _contacts(request)
    for each in line:
        if not contacts.isdisjoint((each.row.email_key, each.row.phone_key)):
            words = "this guest is on the list already: reservation {reference}"
            known = sentence("on_the_list", words, reference=each.row.reference)
            raise StateConflict(known if by_staff else _ON_IT)
    shut = shut_for(
        restaurant,
        there,
        party_size=request.party_size,
        waiting=len(line),
        by_staff=by_staff,
        limits=limits,
    )
    if shut is not None:
        raise StateConflict(SHUT_WORDS[shut])


def _contacts(request: DoorRequest) -> set[bytes | None]:
    return {contact_key(request.guest.email), contact_key(request.guest.phone)} - {None}


def _quote(
    session: Session,
    restaurant: RestaurantSpec,
    there: Tonight,
    line: Sequence[InLine],
    request: DoorRequest,
    *,
    now: datetime,
) -> Quote | None:
    area = restaurant.area_by_key[request.area_key].id if request.area_key else None
    party = (request.party_size, area)
    if restaurant.policies.vip_first and is_vip(session, restaurant.id, _contacts(request)):
        line = [each for each in line if each.is_vip]
    return newcomers(session, restaurant, there, line, [party], now=now)[0]


def _row(
    restaurant: RestaurantSpec,
    there: Tonight,
    request: DoorRequest,
    *,
    reference: str,
    now: datetime,
) -> dict[str, Any]:
    asked = TableRequest(
        party_size=request.party_size,
        starts_at=there.starts_at,
        guest=request.guest,
        area_key=request.area_key,
        note=request.note,
        staff_note=request.staff_note,
        waitlist=True,
    )
    row = new_row(restaurant, there.sitting, asked, reference=reference, now=now)
    return row | {"source": DOOR}


def _entry(
    number: int, restaurant_id: int, quote: Quote | None, *, now: datetime, by_guest: bool
) -> DoorEntry:
    return DoorEntry(
        reservation_id=number,
        restaurant_id=restaurant_id,
        joined_at=now,
        place_at=now,
        by_guest=by_guest,
        quoted_low=quote.low if quote else None,
        quoted_high=quote.high if quote else None,
    )


def _wait(
    session: Session,
    restaurant: RestaurantSpec,
    number: int,
    *,
    now: datetime,
    actor: str,
    notify: bool,
) -> None:
    """Move the new row to `waitlisted`, and write the message with its link."""
    party = session.execute(select(*COLUMNS).where(Reservation.id == number)).one()
    verdicts = Verdicts(now, actor, not_notified=set() if notify else {number})
    outcome = Outcome(Status.WAITLISTED, reason=Reason.FULL)
    verdicts.decided(restaurant, party, outcome, ends_at=party.ends_at, reason=JOINED_REASON)
    verdicts.write(session)


def entry_of(session: Session, row: Reservation) -> DoorEntry:
    """Return the entry of a locked reservation. Raises StateConflict if there is none."""
    entry = session.get(DoorEntry, row.id, populate_existing=True)
    if entry is None:
        raise StateConflict(
            sentence("not_on_the_list", "the reservation is not on the list at the door")
        )
    return entry
