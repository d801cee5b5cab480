"""Moves at the stand: check the party's day, and record the move."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.entities.reservations import Reservation
from models.operations.deciding.books import touch_books
from models.operations.reservations.history import write_move
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.verbs import Verb, refusal


def check_verb(
    row: Reservation, verb: Verb, *, now: datetime, cancelled_at: datetime | None = None
) -> None:
    """Raise StateConflict unless the party's state allows the act."""
    if said := refusal(verb, row, now=now, cancelled_at=cancelled_at):
        raise StateConflict(said)


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
