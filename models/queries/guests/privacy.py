"""All data that is stored about one guest."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select, true
from sqlalchemy.orm import Session, joinedload

from models.core.database.transactions import Base, table_of
from models.core.errors import DecryptionFailed
from models.core.secrets.signing import contact_key
from models.entities.floor import DiningTable, Restaurant
from models.entities.messages import Message
from models.entities.privacy import Consent
from models.entities.reservations import (
    Assignment,
    Reservation,
    ReservationChange,
    ReservationMove,
)
from models.queries.guest_book.export import export_records

#: encrypted values, or hashes of what is shown beside them
_NOT_SHOWN = frozenset(
    {
        "guest_sealed",
        "staff_note_sealed",
        "recipient_sealed",
        "email_key",
        "phone_key",
        "contact",
        "claim",
        "claimed_until",
        "link_secret",
    }
)


def of_contact(key: bytes, restaurant_id: int | None = None) -> Select[int]:
    """Select the ids of reservations with this key as e-mail or phone, the oldest book first."""
    query = select(Reservation.id).where(
        or_(Reservation.email_key == key, Reservation.phone_key == key)
    )
    if restaurant_id is not None:
        query = query.where(Reservation.restaurant_id == restaurant_id)
    return query.order_by(Reservation.book_id, Reservation.id)


def export_guest(
    session: Session, contact: str, *, restaurant_id: int | None = None
) -> dict[str, Any]:
    """Return all data of this normalized e-mail or phone, ready for JSON.

    Each reservation has its history, changes and messages. The consents are those of this contact
    and of the other contacts of these reservations; the guest book's records are those of this
    contact. Times are RFC 3339 in UTC. The lists are empty
    if nothing is found.
    """
    key = contact_key(contact)
    if key is None:
        return {"contact": contact, "reservations": [], "consents": [], "guest_book": []}
    numbers = session.scalars(of_contact(key, restaurant_id)).all()
    keys = {key} | _contacts_of(session, numbers)
    here = true() if restaurant_id is None else Consent.restaurant_id == restaurant_id
    return {
        "contact": contact,
        "reservations": [_whole(session, number) for number in numbers],
        "consents": _rows(session, Consent, Consent.contact.in_(keys), here),
        "guest_book": export_records(session, key, restaurant_id),
    }


def _contacts_of(session: Session, numbers: Any) -> set[bytes]:
    query = select(Reservation.email_key, Reservation.phone_key).where(Reservation.id.in_(numbers))
    return {key for row in session.execute(query) for key in row if key}


def _whole(session: Session, number: int) -> dict[str, Any]:
    row = session.get_one(Reservation, number, options=[joinedload(Reservation.party)])
    restaurant = session.get_one(Restaurant, row.restaurant_id)
    return {
        **_plain(row),
        "restaurant": restaurant.slug,
        **_guest(row),
        "tables": _tables(session, number),
        "history": _rows(session, ReservationMove, ReservationMove.reservation_id == number),
        "changes": _rows(session, ReservationChange, ReservationChange.reservation_id == number),
        "messages": _rows(session, Message, Message.reservation_id == number),
    }


def _guest(row: Reservation) -> dict[str, Any]:
    """Return the guest. A value that cannot be decrypted must not withhold all the rest."""
    try:
        guest, staff_note, details = row.guest, row.staff_note, row.details
    except DecryptionFailed:
        return {"guest": None, "note": None, "staff_note": None, "unreadable": True}
    return {
        "guest": {
            "name": guest.name,
            "email": guest.email,
            "phone": guest.phone,
            "locale": row.guest_locale,
        },
        "note": guest.note,
        "staff_note": staff_note,
        "details": asdict(details),
        "expected_at": row.expected_at.isoformat() if row.expected_at else None,
        "arrived_covers": row.arrived_covers,
        "spend": row.spend,
    }


def _tables(session: Session, number: int) -> list[str]:
    query = (
        select(DiningTable.label)
        .join(Assignment, Assignment.dining_table_id == DiningTable.id)
        .where(Assignment.reservation_id == number)
        .order_by(DiningTable.id)
    )
    return list(session.scalars(query))


def _rows(session: Session, entity: type[Base], *conditions: Any) -> list[dict[str, Any]]:
    key = table_of(entity).c.id
    return [_plain(row) for row in session.scalars(select(entity).where(*conditions).order_by(key))]


def _plain(row: Base) -> dict[str, Any]:
    values = {column.name: getattr(row, column.name) for column in table_of(type(row)).columns}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
        if name not in _NOT_SHOWN
    }
