"""Proofs: who opens the link of a message has the contact that it went to.

Anybody can ask for a table in somebody's name, and gets a link at once. The links in messages carry
a code more, which nobody else is given. Until it comes back, nothing that the sender wrote is in a
message, and the sender's word on marketing waits.
"""

import hmac
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from models.core.errors import SealBroken
from models.core.secrets.signing import proof_code
from models.entities.reservations import Reservation
from models.operations.guests.consents import record_consent
from models.operations.messages.renotifying import contacts_of
from models.queries.guests.consents import consents_of
from models.rules.reservations.contact_edits import EMAIL
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.requests import ConsentSaid


def prove_contact(session: Session, reservation_id: int, code: str, *, now: datetime) -> bool:
    """Note that the contact of this code has opened its link; whether that is news.

    A code of nobody, or of a contact that the reservation has no more, is no error: the link opens
    the reservation all the same. What the guest said about marketing when booking counts from now
    on, where the contact has not said anything before.
    """
    row = session.get(Reservation, reservation_id)
    if row is None or (row.status == Status.CONFIRMED and row.confirm_by is not None):
        return False  # it is held: only a button says that the guest wants it (operations.unproved)
    proved = _contact_of(row, code)
    return proved is not None and _note(session, row, *proved, now=now)


def is_proof_of(row: Reservation, code: str) -> bool:
    """Whether this code was sent to a contact that the reservation has now."""
    return _contact_of(row, code) is not None


def _contact_of(row: Reservation, code: str) -> tuple[str, str] | None:
    """The channel and the contact that the code was sent to."""
    try:
        contacts = contacts_of(row.guest)
    except SealBroken:
        return None
    for channel, contact in contacts.items():
        if contact and hmac.compare_digest(proof_code(row.id, contact).encode(), code.encode()):
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
        # only while the contact is the same: it may be edited at this moment
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
