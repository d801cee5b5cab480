"""Messages that failed permanently: their reservations and the reasons."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.floor import Restaurant
from models.entities.messages import Message
from models.entities.reservations import Reservation


@dataclass(frozen=True, slots=True)
class FailedMessage:
    """One failed message, without guest data. `last_due_at`: when its last attempt was due."""

    id: int
    slug: str
    reference: str
    kind: str
    channel: str
    state: str
    reason: str
    attempts: int
    created_at: datetime
    last_due_at: datetime


def failed_messages(
    session: Session,
    *,
    restaurant_id: int | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int,
) -> list[FailedMessage]:
    """Return failed messages, newest first: last due at `since` or later, with ids below `before`.

    Without `restaurant_id`, those of all restaurants.
    """
    query = (
        select(Message, Reservation.reference, Restaurant.slug)
        .join(Reservation, Reservation.id == Message.reservation_id)
        .join(Restaurant, Restaurant.id == Message.restaurant_id)
        .where(Message.state == "failed")
        .order_by(Message.id.desc())
        .limit(limit)
    )
    if restaurant_id is not None:
        query = query.where(Message.restaurant_id == restaurant_id)
    if since is not None:
        query = query.where(Message.due_at >= since)
    if before is not None:
        query = query.where(Message.id < before)
    return [
        FailedMessage(
            id=row.id,
            slug=slug,
            reference=reference,
            kind=row.kind,
            channel=row.channel,
            state=row.state,
            reason=row.error or "",
            attempts=row.attempts,
            created_at=row.created_at,
            last_due_at=row.due_at,
        )
        for row, reference, slug in session.execute(query)
    ]
