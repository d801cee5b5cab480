"""The business of the evening in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation
from models.rules.reservations.lifecycle import Status

#: An evening anywhere on earth is within this time of now.
AROUND: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Parties:
    """Parties of one status, and their guests."""

    status: Status
    count: int
    guests: int


def parties_around(session: Session, *, now: datetime) -> Sequence[Parties]:
    """Count parties of all restaurants that start within twelve hours of now, by status, 0 too.

    One query over the index of status and start.
    """
    query = (
        select(Reservation.status, func.count(), func.sum(Reservation.party_size))
        .where(Reservation.status.in_(list(Status)))
        .where(Reservation.starts_at >= now - AROUND, Reservation.starts_at < now + AROUND)
        .group_by(Reservation.status)
    )
    found = {status: (count, int(guests)) for status, count, guests in session.execute(query)}
    return [Parties(status, *found.get(status, (0, 0))) for status in Status]
