"""Consents: a guest's choice on which contact, when, where, and in which wording."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, insert, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.errors import Invalid
from models.core.secrets.signing import contact_key
from models.entities.privacy import Consent
from models.entities.reservations import Reservation
from models.operations.accounts.audit import note
from models.operations.deciding.books import lock_reservation
from models.queries.guests.consents import confirmed_channels, consents_of
from models.rules.reservations.requests import MARKETING, ConsentSaid

_CONSENTS = table_of(Consent)
_INSERT = insert(_CONSENTS)
ORPHANS_AT_ONCE = 1_000


def record_consent(
    connection: Connection,
    restaurant_id: int,
    contacts: Mapping[str, str | None],
    said: ConsentSaid,
    *,
    now: datetime,
) -> int:
    """Store a guest's choice, once for each contact; return how many. Earlier rows stay.

    `contacts`: channel (`email`, `sms`) -> the normalized contact. Raises Invalid if there is none.
    """
    rows = [
        {
            "restaurant_id": restaurant_id,
            "contact": contact_key(contact),
            "channel": channel,
            "purpose": MARKETING,
            "given": said.given,
            "at": now,
            "source": said.source,
            "actor": said.actor,
            "wording": said.wording,
        }
        for channel, contact in contacts.items()
        if contact
    ]
    if not rows:
        raise Invalid.field("marketing", "needs an e-mail address or a phone number")
    connection.execute(_INSERT, rows)
    return len(rows)


def say_consent(session: Session, reservation_id: int, said: ConsentSaid, *, now: datetime) -> None:
    """Store a choice on the contacts of a reservation; repeating the same choice adds nothing.

    A guest's choice takes effect on contacts that have opened their link; on others it waits for
    that. A choice recorded by the staff is audited. Raises NotFound, and Invalid if there is no
    contact.
    """
    row = lock_reservation(session, reservation_id)
    guest = row.guest
    contacts = {"email": guest.email, "sms": guest.phone}
    keys = [row.email_key, row.phone_key]
    if said.source != "staff" and any(contacts.values()):
        proved = confirmed_channels(row)
        if {channel for channel, contact in contacts.items() if contact} - proved:
            row.terms = {**(row.terms or {}), "marketing": said.waiting()}
        contacts = {channel: each for channel, each in contacts.items() if channel in proved}
        if not any(contacts.values()):
            return
    known = {
        view.channel
        for view in consents_of(session, row.restaurant_id, keys)
        if (view.given, view.wording) == (said.given, said.wording)
    }
    fresh = {channel: each for channel, each in contacts.items() if channel not in known}
    if known and not any(fresh.values()):
        return
    record_consent(session.connection(), row.restaurant_id, fresh, said, now=now)
    if said.source == "staff":
        note(
            session,
            row.restaurant_id,
            actor=said.actor,
            action="consent.changed",
            about=[row.reference],
            now=now,
        )


def erase_consents(
    session: Session,
    contact: bytes,
    restaurant_id: int | None = None,
    *,
    until: datetime | None = None,
) -> dict[int, int]:
    """Delete every consent of this contact with its history; return how many, by restaurant."""
    conditions = [Consent.contact == contact]
    if restaurant_id is not None:
        conditions.append(Consent.restaurant_id == restaurant_id)
    if until is not None:
        conditions.append(Consent.at <= until)
    counted = select(Consent.restaurant_id, func.count()).where(*conditions)
    found = {row[0]: row[1] for row in session.execute(counted.group_by(Consent.restaurant_id))}
    if found:
        session.execute(delete(_CONSENTS).where(*conditions))
    return found


def drop_orphans(
    session: Session, restaurant_id: int, contacts: Collection[bytes] | None = None
) -> int:
    """Delete consents of contacts that no reservation of the restaurant has; return how many.

    With `contacts`, only of these; without, up to ORPHANS_AT_ONCE in one call.
    """
    row = Reservation
    here = row.restaurant_id == restaurant_id
    conditions = [
        Consent.restaurant_id == restaurant_id,
        ~exists().where(row.email_key == Consent.contact, here),
        ~exists().where(row.phone_key == Consent.contact, here),
    ]
    if contacts is not None:
        conditions.append(Consent.contact.in_(contacts))
    found = session.scalars(select(Consent.id).where(*conditions).limit(ORPHANS_AT_ONCE)).all()
    if found:
        session.execute(delete(_CONSENTS).where(_CONSENTS.c.id.in_(found)))
    return len(found)
