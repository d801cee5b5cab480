"""A reservation's history: each move is a row."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.entities.reservations import Reservation, ReservationMove
from models.rules.deciding.seating import Seats
from models.rules.messages.notifying import UNSEEN_REASONS
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec


def labels_of(restaurant: RestaurantSpec, tables: Seats) -> tuple[str, ...]:
    """Return the tables' labels; a table that was removed has none any more."""
    known = restaurant.table_by_id
    return tuple(known[each].label if each in known else f"#{each}" for each in tables)


def from_to(restaurant: RestaurantSpec, before: Seats, after: Seats) -> dict[str, Any]:
    """Return a change of tables as the history stores it: the labels of that day."""
    return {
        "from": list(labels_of(restaurant, before)),
        "to": list(labels_of(restaurant, after)),
    }


def write_move(
    session: Session,
    row: Reservation,
    after: Status,
    *,
    now: datetime,
    actor: str,
    reason: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Move the reservation to the state `after` as its next revision, without checking the move.

    `detail` is stored as JSON with the move: what it did beyond the states.
    """
    row.revision += 1
    row.guest_ahead -= reason in UNSEEN_REASONS
    session.add(
        ReservationMove(
            reservation_id=row.id,
            at=now,
            before=row.status,
            after=after.value,
            revision=row.revision,
            actor=actor,
            reason=reason,
            detail=None if detail is None else dict(detail),
        )
    )
    row.status = after.value
    if after is not Status.CONFIRMED:
        # a party that has arrived need not confirm by the link, or be approved, any more
        row.confirm_by = row.approve_by = None
