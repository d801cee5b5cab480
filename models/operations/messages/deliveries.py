"""Text messages after the provider accepted them: delivered, or not and then sent by e-mail."""

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.core.database.transactions import dialect_of, table_of
from models.core.errors import DecryptionFailed, NotFound
from models.entities.messages import Message
from models.entities.reservations import Reservation
from models.rules.messages.deliveries import FINAL, GIVE_UP, NOT_DELIVERED, UNKNOWN

_STATUS_LENGTH = 16


def note_delivery(
    session: Session,
    message_id: int,
    *,
    provider_id: str,
    status: str,
    code: int | None,
    now: datetime,
) -> bool:
    """Record the provider's report on a message. True if an e-mail was queued instead: nudge.

    The first final status counts; repeating it does nothing. Raises NotFound for a message that
    does not belong to this provider's id.
    """
    row = session.get(Message, message_id, with_for_update=True)
    if row is None or row.provider_id != provider_id:
        raise NotFound("there is no such message")
    if row.delivery in FINAL:
        return False
    is_old = row.sent_at is not None and now - row.sent_at > GIVE_UP
    row.delivery = status[:_STATUS_LENGTH] if status in FINAL or not is_old else UNKNOWN
    if status not in NOT_DELIVERED or row.state != "sent":
        return False
    row.state = "failed"
    row.error = f"twilio {status}" + (f" ({code})" if code else "")
    return _notify_by_mail(session, row, now=now)


def _notify_by_mail(session: Session, text: Message, *, now: datetime) -> bool:
    """Queue an e-mail of the same kind, if the guest has an address and has no such e-mail yet."""
    reservation = session.get(Reservation, text.reservation_id)
    if reservation is None or not _has_mail(reservation):
        return False
    values = {
        "restaurant_id": text.restaurant_id,
        "reservation_id": text.reservation_id,
        "reservation_revision": text.reservation_revision,
        "kind": text.kind,
        "channel": "email",
        "variant": text.variant,
        "state": "queued",
        "due_at": now,
        "attempts": 0,
        "created_at": now,
    }
    session.flush()
    same = {name: values[name] for name in ("reservation_id", "reservation_revision", "kind")}
    known = select(Message.id).filter_by(**same, channel="email", variant=text.variant)
    if session.scalar(known) is not None:
        return False
    prefix = "OR IGNORE" if dialect_of(session) == "sqlite" else "IGNORE"
    session.execute(insert(table_of(Message)).prefix_with(prefix), values)
    return True


def _has_mail(reservation: Reservation) -> bool:
    try:
        return bool(reservation.guest.email)
    except DecryptionFailed:
        return False
