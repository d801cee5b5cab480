"""Offsets to update when zone rules changed between a request and its answer."""

from collections import defaultdict
from datetime import datetime

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation
from models.rules.messages.wall_clock import has_moved, offset_of
from models.rules.restaurant.restaurant import RestaurantSpec

_ROWS = table_of(Reservation)
_SET_OFFSET = (
    update(_ROWS)
    .where(_ROWS.c.id.in_(bindparam("ids", expanding=True)))
    .values(told_offset=bindparam("offset"))
)


class OffsetUpdates:
    """Collects changes during a round and writes them at its end: mostly none, no statement."""

    def __init__(self) -> None:
        self._ids: dict[int, list[int]] = defaultdict(list)

    def note(
        self, restaurant: RestaurantSpec, number: int, starts_at: datetime, told: int | None
    ) -> None:
        """Record that this guest is notified of the start by the current zone rules."""
        if has_moved(restaurant, starts_at, told):
            self._ids[offset_of(restaurant, starts_at)].append(number)

    def write(self, session: Session) -> None:
        """Execute an UPDATE for each offset."""
        for offset, ids in self._ids.items():
            session.execute(_SET_OFFSET, {"ids": ids, "offset": offset})
