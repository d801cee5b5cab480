"""The tables that are free for a party at the door, and those held for one that was called."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.database.bulk import bulk_insert
from models.core.database.transactions import table_of
from models.entities.door import DoorEntry
from models.entities.reservations import Reservation, SeatedTable, TableOccupancy
from models.operations.deciding.books import free_books
from models.operations.deciding.occupancy import holders, last_held
from models.operations.deciding.seatings import moment
from models.operations.deciding.verdicts import release_tables
from models.queries.door.waiting import seats_for
from models.rules.deciding.seating import Seats
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import quarter_of


def free_seats(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    *,
    besides: Collection[int] = (),
    now: datetime,
    wait: timedelta = timedelta(0),
) -> Seats:
    """Return the best tables that are free for the party from now on; empty if there are none.

    They are free for its whole turn, which begins within `wait`.
    """
    suitable = seats_for(restaurant, row.party_size, row.area_id)
    every = tuple(sorted({table for seats in suitable for table in seats}))
    taken = taken_from_now(session, restaurant, row, every, now=now, wait=wait) | set(besides)
    return next((seats for seats in suitable if taken.isdisjoint(seats)), ())


def taken_from_now(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    tables: Seats,
    *,
    now: datetime,
    wait: timedelta,
) -> set[int]:
    """Return those of the tables that are held within the party's turn, or where a party sits.

    The turn begins within `wait`. Blocked tables are held, too.
    """
    first = quarter_of(now)
    end = moment(quarter_of(now + wait)) + (row.ends_at - row.starts_at)
    held, blocked = holders(session, tables, first=first, last=last_held(restaurant, row, end))
    sits = select(SeatedTable.dining_table_id).where(
        SeatedTable.restaurant_id == restaurant.id, SeatedTable.dining_table_id.in_(tables)
    )
    return {table for table, _ in (*held, *blocked)} | set(session.scalars(sits))


def hold_called(
    session: Session, row: Reservation, seats: Seats, *, now: datetime, until: datetime
) -> None:
    """Hold the tables for the called party until then, so that nobody else is given them.

    Quarters that another party has are left to it: it may be leaving just now.
    """
    first, last = quarter_of(now), quarter_of(until)
    held, blocked = holders(session, seats, first=first, last=last)
    taken = held.keys() | blocked
    rows = [
        {
            "dining_table_id": table,
            "quarter_hour": quarter,
            "reservation_id": row.id,
            "restaurant_id": row.restaurant_id,
        }
        for table in seats
        for quarter in range(first, last + 1)
        if (table, quarter) not in taken
    ]
    bulk_insert(session, table_of(TableOccupancy), rows)


def uncall(session: Session, row: Reservation, entry: DoorEntry, *, now: datetime) -> None:
    """Take the call back, if there is one: the tables are free again."""
    if entry.ready_at is not None and entry.ready_until is not None:
        first, last = quarter_of(entry.ready_at), quarter_of(entry.ready_until)
        tables = tuple(entry.ready_tables or ())
        release_tables(session, row.id, tables, first=first, last=last)
        free_books(session, {row.book_id: row.restaurant_id}, now=now)
    entry.ready_at = entry.ready_until = entry.ready_tables = None
