"""Everything the house holds of one guest."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from models.core.crypto import contact_key
from models.core.db import Base
from models.entities.floor import Restaurant
from models.entities.messages import Message
from models.entities.reservations import Reservation, ReservationChange, ReservationMove

#: sealed, or hashes of what is shown beside them
_NOT_SHOWN = frozenset({"guest_sealed", "email_key", "phone_key", "claim", "claimed_until"})


def of_contact(key: bytes, restaurant_id: int | None = None) -> Select[int]:
    """The ids of the reservations with this contact key, as e-mail or phone; oldest first."""
    query = select(Reservation.id).where(
        or_(Reservation.email_key == key, Reservation.phone_key == key)
    )
    if restaurant_id is not None:
        query = query.where(Reservation.restaurant_id == restaurant_id)
    return query.order_by(Reservation.book_id, Reservation.id)


def export_guest(
    session: Session, contact: str, *, restaurant_id: int | None = None
) -> dict[str, Any]:
    """Reservations with this e-mail or phone, each with history, wishes to change and messages.

    Ready for JSON; times are RFC 3339 in UTC. Nothing found is an empty list.
    """
    key = contact_key(contact)
    if key is None:
        return {"contact": contact, "reservations": []}
    numbers = session.scalars(of_contact(key, restaurant_id)).all()
    return {"contact": contact, "reservations": [_whole(session, number) for number in numbers]}


def _whole(session: Session, number: int) -> dict[str, Any]:
    row = session.get_one(Reservation, number)
    guest = row.guest
    house = session.get_one(Restaurant, row.restaurant_id)
    return {
        **_plain(row),
        "restaurant": house.slug,
        "guest": {
            "name": guest.name,
            "email": guest.email,
            "phone": guest.phone,
            "locale": row.guest_locale,
        },
        "note": guest.note,
        "history": _rows(session, ReservationMove, ReservationMove.reservation_id == number),
        "changes": _rows(session, ReservationChange, ReservationChange.reservation_id == number),
        "messages": _rows(session, Message, Message.reservation_id == number),
    }


def _rows(session: Session, entity: type[Base], condition: Any) -> list[dict[str, Any]]:
    key = entity.__table__.c.id
    return [_plain(row) for row in session.scalars(select(entity).where(condition).order_by(key))]


def _plain(row: Base) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in row.__table__.columns.keys()}  # noqa: SIM118
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
        if name not in _NOT_SHOWN
    }
