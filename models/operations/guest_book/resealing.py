"""Re-encrypt the values of the guest book with the current primary key."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.secrets.encryption import key_of, keyring
from models.entities.guest_book import GuestContact, GuestNote, GuestRecord
from models.entities.sealed_profile import open_text, seal_text
from models.operations.guest_book.locking import lock_guest_books


def reseal_records(session: Session, *, after: int, limit: int) -> tuple[int, int] | None:
    """Re-encrypt the next records with contacts and notes; return (how many values, the last id).

    None if there is none after that id. It may stop at any time and start over: finished values are
    skipped. Raises DecryptionFailed.
    """
    primary = keyring().primary
    seen = select(GuestRecord.id, GuestRecord.restaurant_id).where(GuestRecord.id > after)
    rows = session.execute(seen.order_by(GuestRecord.id).limit(limit)).all()
    if not rows:
        return None
    lock_guest_books(session, {row.restaurant_id for row in rows})
    numbers, count = [row.id for row in rows], 0
    found = session.scalars(select(GuestRecord).where(GuestRecord.id.in_(numbers))).all()
    records = {each.id: each for each in found}
    for record in records.values():
        if key_of(record.profile_sealed) != primary:
            record.profile, count = record.profile, count + 1
    contacts = select(GuestContact).where(GuestContact.filed_id.in_(numbers))
    for contact in session.scalars(contacts):
        if key_of(contact.contact_sealed) != primary:
            reference = records[contact.filed_id].reference
            contact.contact_sealed = _again(contact.contact_sealed, "contact", reference)
            count += 1
    for note in session.scalars(select(GuestNote).where(GuestNote.guest_id.in_(numbers))):
        if key_of(note.text_sealed) != primary:
            reference = records[note.guest_id].reference
            note.text_sealed = _again(note.text_sealed, "note", reference)
            count += 1
    return count, int(numbers[-1])


def _again(sealed: bytes, kind: str, reference: str) -> bytes:
    return seal_text(
        open_text(sealed, kind=kind, reference=reference), kind=kind, reference=reference
    )
