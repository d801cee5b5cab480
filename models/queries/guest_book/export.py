"""The guest book's part of an export: what the staff wrote about a guest."""

from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from models.entities.floor import Restaurant
from models.entities.guest_book import GuestContact
from models.entities.reservations import Reservation
from models.queries.guest_book.record import RecordView, view_record


def export_records(
    session: Session, key: bytes, restaurant_id: int | None = None
) -> list[dict[str, Any]]:
    """The record of this contact at each restaurant (or at one), ready for JSON.

    Anybody can book with somebody else's address beside the own number. So a contact that nobody
    confirmed does not get the record of one that was confirmed: `withheld` is true instead.
    """
    row = GuestContact
    query = select(row).where(row.contact == key).order_by(row.restaurant_id)
    if restaurant_id is not None:
        query = query.where(row.restaurant_id == restaurant_id)
    return [_record(session, contact) for contact in session.scalars(query)]


def _record(session: Session, contact: GuestContact) -> dict[str, Any]:
    restaurant = session.get(Restaurant, contact.restaurant_id)
    place = {"restaurant": restaurant.slug if restaurant else str(contact.restaurant_id)}
    row = GuestContact
    others = select(row.contact).where(
        row.guest_id == contact.guest_id,
        row.restaurant_id == contact.restaurant_id,
        row.contact != contact.contact,
    )
    beside = session.scalars(others).all()
    if not _is_confirmed(session, contact.restaurant_id, [contact.contact]) and _is_confirmed(
        session, contact.restaurant_id, beside
    ):
        return place | {"withheld": True}
    view = view_record(session, contact.restaurant_id, contact.guest_id)
    return place | {"withheld": False} | _facts(view)


def _facts(view: RecordView) -> dict[str, Any]:
    profile, record = view.profile, view.record
    return {
        "names": list(view.names),
        "allergies": profile.allergies if profile else None,
        "tags": list(profile.tags) if profile else None,
        "vip": record.vip,
        "blocked_at": record.blocked_at.isoformat() if record.blocked_at else None,
        "limit_lifted_at": (record.limit_lifted_at.isoformat() if record.limit_lifted_at else None),
        "block_reason": profile.block_reason if profile else None,
        "created_at": record.created_at.isoformat(),
        "notes": [
            {"at": each.at.isoformat(), "actor": each.actor, "text": each.text}
            for each in view.notes
        ],
        "history": [
            {"at": each.at.isoformat(), "actor": each.actor, "action": each.action}
            for each in view.history
        ],
    }


def _is_confirmed(session: Session, restaurant_id: int, keys: Any) -> bool:
    """Whether one of these contacts was confirmed by its guest, or recorded by the staff."""
    row = Reservation
    by_staff = row.source != "online"
    proved = or_(
        row.email_key.in_(keys) & or_(by_staff, row.email_proved_at.is_not(None)),
        row.phone_key.in_(keys) & or_(by_staff, row.phone_proved_at.is_not(None)),
    )
    found = exists().where(row.restaurant_id == restaurant_id, proved)
    return bool(keys) and bool(session.scalar(select(found)))
