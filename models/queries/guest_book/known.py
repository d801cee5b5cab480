"""Whether the guest book knows something of a guest, found by the guest's contacts."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.guest_book import GuestContact, GuestRecord


def is_known_as(
    session: Session,
    restaurant_id: int,
    contacts: Iterable[bytes | None],
    condition: ColumnElement[bool],
) -> bool:
    """Whether a guest's record with one of these contacts meets the condition. One query."""
    contact, guest = table_of(GuestContact).c, table_of(GuestRecord).c
    query = (
        select(guest.id)
        .join_from(contact.contact.table, guest.id.table, guest.id == contact.guest_id)
        .where(
            contact.contact.in_(sorted({key for key in contacts if key})),
            contact.restaurant_id == restaurant_id,
            condition,
        )
        .limit(1)
    )
    return session.scalar(query) is not None
