"""A reservation's history: each step leaves a row."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.entities.reservations import Reservation, ReservationMove
from models.rules.lifecycle import Status


def write_move(
    session: Session,
    row: Reservation,
    after: Status,
    *,
    now: datetime,
    actor: str,
    reason: str,
) -> None:
    """Let the reservation stand there as its next revision; whether it may is not asked."""
    row.revision += 1
    session.add(
        ReservationMove(
            reservation_id=row.id,
            at=now,
            before=row.status,
            after=after.value,
            revision=row.revision,
            actor=actor,
            reason=reason,
        )
    )
    row.status = after.value
