"""Moves at the stand: check the party's day, and record the move."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.entities.reservations import Reservation
from models.operations.deciding.books import touch_books
from models.operations.reservations.history import write_move
from models.rules.reservations.lifecycle import Status

#: A party cannot be here earlier before its start, nor later after it.
_EARLY, _LATE = timedelta(hours=12), timedelta(hours=24)


def check_day(row: Reservation, *, now: datetime) -> None:
    """Raise StateConflict if today is not the party's day."""
    if row.starts_at - now > _EARLY:
        raise StateConflict("the reservation is not for today")
    if now - row.starts_at > _LATE:
        raise StateConflict("the reservation was not for today")


def move(
    session: Session,
    row: Reservation,
    after: Status,
    *,
    now: datetime,
    actor: str,
    reason: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Record the move (with its `detail`) and announce that its book changed."""
    write_move(session, row, after, now=now, actor=actor, reason=reason, detail=detail)
    touch_books(session, {row.book_id: row.restaurant_id})


def check_begun(row: Reservation, *, now: datetime) -> None:
    """Raise StateConflict before the party's start."""
    if now < row.starts_at:
        raise StateConflict("the reservation has not started yet")
