"""A guest's consent to marketing, as recorded by the staff on the guest's record."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.errors import Invalid, sentence
from models.entities.guest_book import GuestContact, GuestRecord
from models.entities.sealed_profile import open_text
from models.operations.guest_book.records import GuestAct, note_act, open_record
from models.operations.guests.consents import record_consent
from models.queries.guests.consents import consents_of
from models.rules.reservations.requests import ConsentSaid


def say_guests_consent(session: Session, act: GuestAct, said: ConsentSaid) -> None:
    """Store the choice for every contact of the record; repeating it adds nothing. Audited.

    Raises Invalid if no contact can be read, NotFound, StateConflict.
    """
    record = open_record(session, act)
    rows = session.scalars(select(GuestContact).where(GuestContact.guest_id == record.id)).all()
    fresh = [row for row in rows if not _has_said(session, row, said)]
    if not rows:
        raise Invalid.field("guest", sentence("no_contact", "has no contact"))
    for row in fresh:
        owner = session.get_one(GuestRecord, row.filed_id)
        text = open_text(row.contact_sealed, kind="contact", reference=owner.reference)
        contacts = {row.channel: text}
        record_consent(session.connection(), act.restaurant_id, contacts, said, now=act.now)
    if fresh:
        note_act(session, act, "consent.changed", record)


def _has_said(session: Session, row: GuestContact, said: ConsentSaid) -> bool:
    known = consents_of(session, row.restaurant_id, [row.contact])
    return any((view.given, view.wording) == (said.given, said.wording) for view in known)
