"""Pruning: contacts that are on no reservation any more, and records that have no contact left."""

from collections.abc import Collection

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.guest_book import (
    GuestContact,
    GuestEvent,
    GuestName,
    GuestNote,
    GuestRecord,
)
from models.entities.reservations import Reservation
from models.operations.guest_book.locking import lock_guest_books
from models.queries.guest_book.members import members_of

_CONTACTS = table_of(GuestContact)


def prune_contacts(
    session: Session, restaurant_id: int, keys: Collection[bytes], *, is_locked: bool = False
) -> int:
    """Delete those of these contacts that no reservation of the restaurant has; return how many.

    A record whose last contact goes is deleted with its notes, its history, and everything that was
    merged into it. Takes the guest book's lock unless the caller has it (`is_locked`); the caller
    holds those of the books.
    """
    if not keys:
        return 0
    session.flush()
    if not is_locked:
        lock_guest_books(session, {restaurant_id})
    gone = _on_no_reservation(session, restaurant_id, keys)
    if gone:
        _delete_contacts(session, restaurant_id, list(gone))
        touched = set(gone.values())
        left = select(GuestContact.guest_id).where(GuestContact.guest_id.in_(touched)).distinct()
        delete_records(session, touched - set(session.scalars(left)))
    return len(gone)


def _on_no_reservation(
    session: Session, restaurant_id: int, keys: Collection[bytes]
) -> dict[bytes, int]:
    """Those of these contacts that no reservation has, with their records."""
    row, contact = Reservation, GuestContact
    here = row.restaurant_id == restaurant_id
    query = select(contact.contact, contact.guest_id).where(
        contact.restaurant_id == restaurant_id,
        contact.contact.in_(keys),
        ~exists().where(row.email_key == contact.contact, here),
        ~exists().where(row.phone_key == contact.contact, here),
    )
    return {each.contact: each.guest_id for each in session.execute(query)}


def delete_records(session: Session, records: Collection[int]) -> None:
    """Delete these records, and those merged into them, with notes, names and history."""
    if not records:
        return
    members = members_of(session, records)
    numbers = {*records, *(each.id for rows in members.values() for each in rows)}
    for entity, column in (
        (GuestName, GuestName.guest_id),
        (GuestNote, GuestNote.guest_id),
        (GuestEvent, GuestEvent.guest_id),
        (GuestRecord, GuestRecord.id),
    ):
        gone = delete(entity).where(column.in_(numbers))
        session.execute(gone, execution_options={"synchronize_session": False})
    session.expire_all()


def _delete_contacts(session: Session, restaurant_id: int, keys: Collection[bytes]) -> None:
    mine = _CONTACTS.c.restaurant_id == restaurant_id
    session.execute(delete(_CONTACTS).where(_CONTACTS.c.contact.in_(keys), mine))
