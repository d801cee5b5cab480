"""Occupancy: the quarters a party holds on its tables; read and changed under the book's lock."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    delete,
    exists,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from models.core.database.bulk import bulk_insert
from models.core.database.transactions import Base
from models.core.errors import StateConflict, sentence
from models.entities.evening import BlockedTable, BlockKept
from models.entities.reservations import Assignment, Reservation, TableOccupancy
from models.operations.deciding.books import free_books
from models.operations.deciding.covers import first_full, refuse_if_full
from models.operations.deciding.seatings import moment
from models.operations.deciding.verdicts import release_tables
from models.operations.stand.seated_tables import refuse_if_others_sit
from models.rules.deciding.seating import Seats
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec, split_book_id
from models.rules.restaurant.sittings import quarter_of
from models.rules.restaurant.turn_times import buffer_minutes, turn_at

#: No seating reaches further than this many quarters from its start (two days).
REACH = 192
_QUARTER = timedelta(seconds=QUARTER_SECONDS)
_MINUTE = timedelta(minutes=1)
_TABLE = Base.metadata.tables[TableOccupancy.__tablename__]


def tables_of(session: Session, reservation_id: int) -> Seats:
    """Return the ids of the tables that are assigned to the party."""
    query = (
        select(Assignment.dining_table_id)
        .where(Assignment.reservation_id == reservation_id)
        .order_by(Assignment.dining_table_id)
    )
    return tuple(session.scalars(query))


def whole_turn_from(
    session: Session, restaurant: RestaurantSpec, row: Reservation, tables: Seats, *, now: datetime
) -> None:
    """Hold the tables of a party that sits down now, from now on.

    They are held for a whole turn, or until the next party's quarters begin, but at least to the
    end that the party had. Raises StateConflict naming the taken tables.
    """
    begin, last = quarter_of(now), last_held(restaurant, row, row.ends_at)
    end = moment(begin) + _turn(restaurant, row, tables)
    wished = last_held(restaurant, row, end)
    if begin > last:  # its own turn is over: it needs a new one
        refuse_if_full(session, restaurant, row, first=begin, last=wished, now=now)
        hold(session, restaurant, row, tables, first=begin, last=wished)
        row.ends_at = end
        return
    refuse_if_full(session, restaurant, row, first=begin, last=last, now=now)
    hold(session, restaurant, row, tables, first=begin, last=last)
    full = first_full(session, restaurant, row, first=last + 1, last=wished, now=now)
    wished = wished if full is None else full - 1
    more = _free_after(session, row, tables, last=last, wished=wished)
    if more > 0:
        hold(session, restaurant, row, tables, first=last + 1, last=last + more)
        row.ends_at += more * _QUARTER


def stay_on(
    session: Session, restaurant: RestaurantSpec, row: Reservation, tables: Seats, *, now: datetime
) -> None:
    """Hold the tables of a seated party from now to the end of its turn.

    If the turn is over, hold them to the end of this quarter. Raises StateConflict naming the taken
    tables.
    """
    begin = quarter_of(now)
    row.ends_at = max(row.ends_at, moment(begin + 1))
    last = last_held(restaurant, row, row.ends_at)
    refuse_if_full(session, restaurant, row, first=begin, last=last, now=now)
    hold(session, restaurant, row, tables, first=begin, last=last)


def hold_again(
    session: Session, restaurant: RestaurantSpec, row: Reservation, *, now: datetime
) -> None:
    """Hold the party's tables again for the rest of its turn. Raises StateConflict."""
    first = max(quarter_of(row.starts_at), quarter_of(now))
    tables, last = tables_of(session, row.id), last_held(restaurant, row, row.ends_at)
    if first <= last:
        refuse_if_others_sit(session, restaurant, row, tables)
        refuse_if_full(session, restaurant, row, first=first, last=last, now=now)
    hold(session, restaurant, row, tables, first=first, last=last)


def change_tables(
    session: Session, row: Reservation, given: Seats, wanted: Seats, *, now: datetime
) -> None:
    """Assign the tables `wanted` to the party; free those it leaves and offer them to others."""
    left = tuple(table_id for table_id in given if table_id not in wanted)
    if left:
        start = quarter_of(row.starts_at)
        release_tables(session, row.id, left, first=start - REACH, last=start + REACH)
        free_books(session, {row.book_id: row.restaurant_id}, now=now)
    if wanted != given:
        session.execute(delete(Assignment).where(Assignment.reservation_id == row.id))
        session.add_all(
            Assignment(reservation_id=row.id, dining_table_id=table_id) for table_id in wanted
        )


def release_from(
    session: Session, row: Reservation, *, since: datetime | None, now: datetime
) -> None:
    """Free the party's quarters, all of them or from `since` on, and mark the book as freed."""
    start = quarter_of(row.starts_at)
    first = start - REACH if since is None else quarter_of(since)
    last = max(start, first) + REACH
    release_tables(session, row.id, tables_of(session, row.id), first=first, last=last)
    free_books(session, {row.book_id: row.restaurant_id}, now=now)


def hold(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    tables: Seats,
    *,
    first: int,
    last: int,
) -> None:
    """Hold the quarters that are not held yet. Raises StateConflict naming the taken tables."""
    held, blocked = holders(session, tables, first=first, last=last, party=row.id)
    shut = sorted({table for table, quarter in blocked if (table, quarter) not in held})
    if shut:
        names = ", ".join(_labels(restaurant, shut))
        raise StateConflict(
            sentence("is_blocked", "blocked: {tables}; lift the block first", tables=names)
        )
    taken = sorted({table for (table, _), party in held.items() if party != row.id})
    if taken:
        others = {party for party in held.values() if party != row.id}
        query = select(Reservation.reference).where(Reservation.id.in_(others))
        names = ", ".join(session.scalars(query.order_by(Reservation.id)))
        raise StateConflict(
            sentence(
                "held_by_another",
                "held by another party: {tables} (reservation {references})",
                tables=", ".join(_labels(restaurant, taken)),
                references=names,
            )
        )
    rows = [
        {
            "dining_table_id": table,
            "quarter_hour": quarter,
            "reservation_id": row.id,
            "restaurant_id": row.restaurant_id,
        }
        for table in tables
        for quarter in range(first, last + 1)
        if (table, quarter) not in held
    ]
    # The primary key rejects a quarter that another transaction has taken meanwhile.
    bulk_insert(session, _TABLE, rows)


def holders(
    session: Session, tables: Seats, *, first: int, last: int, party: int = 0
) -> tuple[dict[tuple[int, int], int], set[tuple[int, int]]]:
    """Return (table, quarter) -> reservation id, and the blocked (table, quarter) pairs.

    For the quarters `first` to `last` inclusive. A block under which `party` keeps its tables is
    left out.
    """
    row, block = TableOccupancy, BlockedTable
    held: Select[*tuple[Any, ...]] = select(
        row.dining_table_id, row.quarter_hour, row.reservation_id, literal_column("0")
    ).where(row.dining_table_id.in_(tables), row.quarter_hour.between(first, last))
    shut: Select[*tuple[Any, ...]] = select(
        block.dining_table_id, block.first_quarter, literal_column("0"), block.last_quarter
    )
    shut = shut.where(_blocks(tables, first=first, last=last, party=party))
    found: dict[tuple[int, int], int] = {}
    blocked: set[tuple[int, int]] = set()
    for table, quarter, number, until in session.execute(union_all(held, shut)):
        if until:
            span = range(max(quarter, first), min(until, last) + 1)
            blocked |= {(table, each) for each in span}
        else:
            found[table, quarter] = number
    return found, blocked


def _blocks(tables: Seats, *, first: int, last: int, party: int) -> ColumnElement[bool]:
    """Match the blocks of these tables and quarters that bind the party."""
    block, kept = BlockedTable, BlockKept
    return and_(
        block.dining_table_id.in_(tables),
        block.first_quarter <= last,
        block.last_quarter >= first,
        ~exists().where(kept.block_id == block.block_id, kept.reservation_id == party),
    )


def _free_after(
    session: Session, row: Reservation, tables: Seats, *, last: int, wished: int
) -> int:
    """Return how many quarters after `last`, up to `wished`, are free of parties and blocks."""
    held = TableOccupancy
    party = select(func.min(held.quarter_hour)).where(
        held.dining_table_id.in_(tables),
        held.quarter_hour.between(last + 1, wished),
        held.reservation_id != row.id,
    )
    block = select(func.min(BlockedTable.first_quarter)).where(
        _blocks(tables, first=last + 1, last=wished, party=row.id)
    )
    followers = [each for each in session.scalars(union_all(party, block)) if each is not None]
    return max(min([wished + 1, *followers]) - 1 - last, 0)


def _labels(restaurant: RestaurantSpec, table_ids: list[int]) -> list[str]:
    # A table that was removed from the floor has no label any more.
    known = restaurant.table_by_id
    return [known[each].label if each in known else f"#{each}" for each in table_ids]


def _turn(restaurant: RestaurantSpec, row: Reservation, tables: Seats) -> timedelta:
    """Return the turn of such a party: the one that the staff chose, or by the turn times."""
    if row.turn_minutes is not None:
        return timedelta(minutes=row.turn_minutes)
    shift = restaurant.shift_by_id.get(split_book_id(row.book_id)[0])
    if shift is None:
        return row.ends_at - row.starts_at
    size = row.party_size
    return timedelta(minutes=turn_at(restaurant, shift, tables, party_size=size))


def last_held(restaurant: RestaurantSpec, row: Reservation, end: datetime) -> int:
    """Return the last quarter that the party holds if its turn ends at `end`: with the buffer."""
    shift = restaurant.shift_by_id.get(split_book_id(row.book_id)[0])
    minutes = (
        buffer_minutes(restaurant.policies, shift) if shift else restaurant.policies.buffer_minutes
    )
    return quarter_of(end + timedelta(minutes=minutes) - timedelta(microseconds=1))


def end_before(restaurant: RestaurantSpec, row: Reservation, first: int) -> datetime:
    """Return the end of a turn after which its table is reset by the beginning of that quarter."""
    end = moment(first)
    while last_held(restaurant, row, end) >= first:
        end -= _MINUTE
    return end
