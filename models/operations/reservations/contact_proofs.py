"""Confirming a contact: opening the link of a message shows that the guest has that contact.

Anybody can request a table in another person's name, and gets a link immediately. The links in
messages carry an additional code that is given to nobody else. Until that code comes back, messages
contain nothing that the sender wrote, and the sender's marketing choice waits.
"""

import hmac
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from models.core.errors import DecryptionFailed
from models.core.secrets.signing import confirmation_code
from models.entities.reservations import Reservation
from models.operations.guests.consents import record_consent
from models.operations.messages.renotifying import contacts_of
from models.queries.guests.consents import consents_of
from models.rules.reservations.contact_edits import EMAIL
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.requests import ConsentSaid


def confirm_contact(session: Session, reservation_id: int, code: str, *, now: datetime) -> bool:
    """Record that the contact of this code has opened its link; return whether that is new.

    A code that matches no contact, or one that the reservation no longer has, is no error: the link
    still opens the reservation. The marketing choice that the guest made when booking takes effect
    now, unless the contact has made one before.
    """
    row = session.get(Reservation, reservation_id)
    if row is None or (row.status == Status.CONFIRMED and row.confirm_by is not None):
        # held: only the confirmation button confirms it (models.operations.stand.unconfirmed)
        return False
    proved = _contact_of(row, code)
    return proved is not None and _note(session, row, *proved, now=now)


def confirms_contact(row: Reservation, code: str) -> bool:
    """Return whether this code was sent to a contact that the reservation has now."""
    return _contact_of(row, code) is not None


def _contact_of(row: Reservation, code: str) -> tuple[str, str] | None:
    """Return the channel and the contact that the code was sent to."""
    try:
        contacts = contacts_of(row.guest)
    except DecryptionFailed:
        return None
    for channel, contact in contacts.items():
        if contact and hmac.compare_digest(
            confirmation_code(row.id, contact).encode(), code.encode()
        ):
            return channel, contact
    return None


def _note(session: Session, row: Reservation, channel: str, contact: str, *, now: datetime) -> bool:
    key, since = (
        (Reservation.email_key, Reservation.email_proved_at)
        if channel == EMAIL
        else (Reservation.phone_key, Reservation.phone_proved_at)
    )
    own = row.email_key if channel == EMAIL else row.phone_key
    noted: Any = session.execute(
        update(Reservation)
        # only if the contact is unchanged: it may be edited at this moment
        .where(Reservation.id == row.id, key == own, since.is_(None))
        .values({since.key: now})
        .execution_options(synchronize_session=False)
    )
    if noted.rowcount != 1:
        return False
    said = (row.terms or {}).get("marketing")
    known = {view.channel for view in consents_of(session, row.restaurant_id, [own])}
    if said and channel not in known:
        word = ConsentSaid(said["given"], said["wording"], said["source"], "guest")
        record_consent(session.connection(), row.restaurant_id, {channel: contact}, word, now=now)
    return True
