"""Find a guest of one restaurant by contact: the reservations, newest first, with messages."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.core.errors import DecryptionFailed
from models.core.secrets.signing import contact_key
from models.entities.messages import Message
from models.entities.reservations import Reservation
from models.entities.sealed_guest import Guest
from models.queries.book.shapes import BookMessage
from models.queries.guests.consents import ConsentView, consents_of

#: The most reservations in one answer; `more` is set if there are others.
SHOWN = 100


@dataclass(frozen=True, slots=True)
class FoundReservation:
    """A reservation of the guest. `guest` is None if it cannot be decrypted."""

    row: Reservation
    guest: Guest | None
    staff_note: str
    messages: Sequence[BookMessage]


@dataclass(frozen=True, slots=True)
class FoundGuest:
    """A guest as shown to the staff. `more`: there are older reservations."""

    reservations: list[FoundReservation]
    consents: list[ConsentView]
    more: bool


def find_guest(session: Session, restaurant_id: int, contact: str) -> FoundGuest:
    """Return the guest with this normalized e-mail or phone at that restaurant. Three queries."""
    key = contact_key(contact)
    row = Reservation
    query = (
        select(row)
        .where(row.restaurant_id == restaurant_id, or_(row.email_key == key, row.phone_key == key))
        .order_by(row.starts_at.desc(), row.id.desc())
        .limit(SHOWN + 1)
    )
    rows = session.scalars(query).all()
    shown = rows[:SHOWN]
    messages = _messages(session, shown)
    keys = {key} | {each for found in shown for each in (found.email_key, found.phone_key)}
    return FoundGuest(
        [FoundReservation(each, *_who(each), messages[each.id]) for each in shown],
        consents_of(session, restaurant_id, keys),
        more=len(rows) > SHOWN,
    )


def _messages(session: Session, rows: Sequence[Reservation]) -> dict[int, list[BookMessage]]:
    query = select(Message).where(Message.reservation_id.in_([row.id for row in rows]))
    found: dict[int, list[BookMessage]] = defaultdict(list)
    for each in session.scalars(query.order_by(Message.id)):
        view = BookMessage(
            each.kind, each.channel, each.state, each.due_at, each.sent_at, each.error
        )
        found[each.reservation_id].append(view)
    return found


def _who(row: Reservation) -> tuple[Guest | None, str]:
    try:
        return row.guest, row.staff_note
    except DecryptionFailed:
        return None, ""
