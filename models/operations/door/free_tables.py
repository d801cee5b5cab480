"""The tables that are free for a party at the door now."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation, SeatedTable
from models.operations.deciding.occupancy import holders
from models.queries.door.waiting import seats_for
from models.rules.deciding.seating import Seats
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from models.rules.restaurant.sittings import quarter_of

_NEXT: Final = timedelta(seconds=QUARTER_SECONDS)


def free_seats(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    *,
    besides: Collection[int] = (),
    now: datetime,
) -> Seats:
    """Return the best tables for the party that are free now; empty if there are none."""
    suitable = seats_for(restaurant, row.party_size, row.area_id)
    every = tuple(sorted({table for seats in suitable for table in seats}))
    taken = taken_now(session, restaurant, every, now=now) | set(besides)
    return next((seats for seats in suitable if taken.isdisjoint(seats)), ())


def taken_now(
    session: Session, restaurant: RestaurantSpec, tables: Seats, *, now: datetime
) -> set[int]:
    """Return those of the tables that are held this quarter or the next, or where a party sits.

    Blocked tables are held, too.
    """
    first = quarter_of(now)
    held, blocked = holders(session, tables, first=first, last=quarter_of(now + _NEXT))
    sits = select(SeatedTable.dining_table_id).where(
        SeatedTable.restaurant_id == restaurant.id, SeatedTable.dining_table_id.in_(tables)
    )
    return {table for table, _ in (*held, *blocked)} | set(session.scalars(sits))
