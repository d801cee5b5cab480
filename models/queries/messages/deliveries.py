"""Text messages whose delivery status is not final yet."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.entities.messages import Message
from models.rules.messages.deliveries import FINAL, GIVE_UP, UNKNOWN


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A message and the provider's id for it."""

    id: int
    provider_id: str


def unsettled_texts(
    session: Session, *, after: timedelta, now: datetime, limit: int
) -> list[Unsettled]:
    """Return texts sent at least `after` ago without a final status; oldest first.

    Messages that were due long before GIVE_UP are left out: the provider deletes them too.
    """
    open_ones = or_(Message.delivery.is_(None), Message.delivery.not_in({*FINAL, UNKNOWN}))
    query = (
        select(Message.id, Message.provider_id)
        .where(
            Message.state == "sent",
            Message.due_at >= now - 2 * GIVE_UP,
            Message.channel == "sms",
            Message.sent_at <= now - after,
            Message.provider_id.like("SM%"),
            open_ones,
        )
        .order_by(Message.sent_at)
        .limit(limit)
    )
    return [Unsettled(number, known or "") for number, known in session.execute(query)]
