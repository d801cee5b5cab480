"""Which quarters a party holds on which tables: looked at, given and taken back under the lock."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.bulk import bulk_insert
from models.core.db import Base
from models.entities.reservations import Assignment, Reservation, TableOccupancy
from models.operations.books import free_books
from models.operations.verdicts import release_tables
from models.rules.seating import Seats
from models.rules.windows import quarter_of

#: A seating never reaches further than this many quarters from its start (two days).
REACH = 192
_TABLE = Base.metadata.tables[TableOccupancy.__tablename__]


def tables_of(session: Session, reservation_id: int) -> Seats:
    """The tables that the party was given."""
    query = (
        select(Assignment.dining_table_id)
        .where(Assignment.reservation_id == reservation_id)
        .order_by(Assignment.dining_table_id)
    )
    return tuple(session.scalars(query))


def held_of(session: Session, row: Reservation, tables: Seats) -> list[tuple[int, int]]:
    """The (table, quarter) pairs that the party holds."""
    start = quarter_of(row.starts_at)
    occupancy = TableOccupancy
    query = select(occupancy.dining_table_id, occupancy.quarter_hour).where(
        occupancy.dining_table_id.in_(tables),
        occupancy.quarter_hour.between(start - REACH, start + REACH),
        occupancy.reservation_id == row.id,
    )
    return [(table_id, quarter) for table_id, quarter in session.execute(query)]


def taken_tables(
    session: Session, row: Reservation, tables: Seats, *, first: int, last: int
) -> list[int]:
    """Those of the tables that somebody else holds in these quarters (both inclusive)."""
    occupancy = TableOccupancy
    query = (
        select(occupancy.dining_table_id)
        .where(
            occupancy.dining_table_id.in_(tables),
            occupancy.quarter_hour.between(first, last),
            occupancy.reservation_id != row.id,
        )
        .distinct()
    )
    return sorted(session.scalars(query))


def hold(session: Session, row: Reservation, pairs: list[tuple[int, int]]) -> None:
    """Hold these (table, quarter) pairs for the party. The primary key refuses a taken one."""
    rows = [
        {
            "dining_table_id": table_id,
            "quarter_hour": quarter,
            "reservation_id": row.id,
            "restaurant_id": row.restaurant_id,
        }
        for table_id, quarter in pairs
    ]
    bulk_insert(session, _TABLE, rows)


def give_back(session: Session, row: Reservation, *, since: datetime | None, now: datetime) -> None:
    """Free the party's quarters, all or from `since` on; the waitlist is asked next."""
    start = quarter_of(row.starts_at)
    first = start - REACH if since is None else quarter_of(since)
    last = max(start, first) + REACH
    release_tables(session, row.id, tables_of(session, row.id), first=first, last=last)
    free_books(session, {row.book_id: row.restaurant_id}, now=now)
