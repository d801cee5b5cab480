"""Manage links: send one again, or withdraw those sent before. The staff never see one."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.core.secrets.signing import new_link_secret
from models.entities.messages import Message
from models.entities.reservations import Reservation
from models.operations.accounts.audit import note
from models.operations.deciding.books import lock_reservation
from models.rules.messages.notifying import Kind, channels
from models.rules.messages.outbox import message_rows
from models.rules.reservations.lifecycle import HOLDING, OPEN, Status
from models.rules.reservations.links import SENT_MOST, SENT_WITHIN


def send_link(
    session: Session, reservation_id: int, *, renew: bool, now: datetime, actor: str
) -> tuple[str, ...]:
    """Send the guest the link to the reservation; return the channels used.

    `renew`: links sent before stop working, even if there is no channel to send the new one by.
    Audited. Raises NotFound, and StateConflict if there is nothing left to manage, no contact, or
    too many links were sent already.
    """
    row = lock_reservation(session, reservation_id)
    by = channels(email=bool(row.email_key), phone=bool(row.phone_key))
    is_open = Status(row.status) in OPEN | HOLDING and now < row.ends_at
    if not renew and not is_open:
        raise StateConflict("this reservation has ended and can no longer be managed")
    if not renew and not by:
        raise StateConflict("this guest left neither an e-mail address nor a phone number")
    if renew:
        row.link_secret = new_link_secret()
    sent = by if is_open else ()
    if sent:
        _queue(session, row, sent, now=now)
    action = "link.renewed" if renew else "link.sent"
    note(session, row.restaurant_id, actor=actor, action=action, about=[row.reference], now=now)
    return sent


def _queue(session: Session, row: Reservation, by: tuple[str, ...], *, now: datetime) -> None:
    query = select(Message.variant, Message.created_at).where(
        Message.reservation_id == row.id, Message.kind == Kind.LINK
    )
    before = {row.variant: row.created_at for row in session.execute(query)}
    if sum(at > now - SENT_WITHIN for at in before.values()) >= SENT_MOST:
        raise StateConflict("the link was sent too often within the last hour")
    for values in message_rows(
        Kind.LINK,
        restaurant_id=row.restaurant_id,
        reservation_id=row.id,
        revision=row.revision,
        by=by,
        now=now,
    ):
        # the variant tells one sending from another
        session.add(Message(**values | {"variant": max(before, default=0) + 1}))
