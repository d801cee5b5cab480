"""Making way: give a party another table while the previous party still sits at its own."""

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, aliased

from models.core.database.bulk import bulk_insert
from models.core.database.transactions import table_of
from models.entities.reservations import Reservation, SeatedTable, TableOccupancy
from models.operations.deciding.books import lock_books
from models.operations.deciding.occupancy import change_tables, tables_of
from models.operations.deciding.seatings import Seating
from models.operations.reservations.history import from_to, write_move
from models.queries.deciding.boards import STAYS_QUARTERS, load_boards
from models.queries.floor.load import restaurant_by_id, unreadable_restaurants
from models.rules.deciding.board import Ask, Board
from models.rules.deciding.seating import Seats
from models.rules.messages.notifying import RESEATED_REASON
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.sittings import quarter_of

CLOCK: Final = "clock"


def overtaken_books(session: Session, *, now: datetime) -> dict[int, int]:
    """Return books (-> restaurant id) in which a previous party still sits at a party's table."""
    follower = Reservation
    query = select(follower.book_id, follower.restaurant_id).where(*_overtaken(now)).distinct()
    return {row.book_id: row.restaurant_id for row in session.execute(query)}


def make_way(session: Session, book: int, restaurant_id: int, *, now: datetime) -> int:
    """Move the next party from an overstayed table to a free one, for its whole turn.

    Parties whose tables the staff chose keep them; so do those where it is unknown, because an
    older release did not record it. If no other table is free, nothing changes, and the book warns
    the host. Return how many parties were moved.
    """
    lock_books(session, {book: restaurant_id})
    restaurant = restaurant_by_id(session, restaurant_id)
    board = load_boards(session, {book: restaurant}, now=now).get(book)
    if board is None:
        return 0
    query = select(Reservation).where(*_overtaken(now), Reservation.book_id == book)
    parties = session.scalars(query.execution_options(populate_existing=True)).all()
    return sum(_elsewhere(session, board, row, now=now) for row in parties)


def _overtaken(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Match parties that hold a table, now or next quarter, where another overstays its turn."""
    row, held, seated, sits = Reservation, TableOccupancy, SeatedTable, aliased(Reservation)
    quarter = quarter_of(now)
    tables = (
        select(held.reservation_id)
        .join(seated, seated.dining_table_id == held.dining_table_id)
        .join(sits, sits.id == seated.reservation_id)
        .where(
            sits.status == Status.SEATED,
            sits.ends_at <= now,
            held.reservation_id != sits.id,
            held.quarter_hour.between(quarter, quarter + STAYS_QUARTERS - 1),
        )
    )
    return (
        row.id.in_(tables),
        row.status.in_((Status.CONFIRMED, Status.ARRIVED)),
        # NULL: an older release, which chose tables only for its own bookings
        or_(
            row.tables_chosen.is_(False),
            and_(row.tables_chosen.is_(None), row.source == "online"),
        ),
        row.tables_locked.is_(False),
        row.restaurant_id.not_in(unreadable_restaurants()),
    )


def _elsewhere(session: Session, board: Board, row: Reservation, *, now: datetime) -> bool:
    """Move the party to other tables if possible; return whether it was moved."""
    given = tables_of(session, row.id)
    quarters = _quarters_of(session, row.id, given)
    if not quarters:
        return False
    begin, held = quarters[0], quarters[-1] - quarters[0] + 1
    mask = board.floor.mask(begin, held)
    online, walk_in = row.source == "online", row.source == "walk_in"
    ask = Ask(row.party_size, begin, row.area_id, online=online, walk_in=walk_in)
    seats = board.floor.first_free(board.wanted(ask), mask)
    if seats is None:
        return False
    board.floor.rearrange([(given, mask)], [(seats, mask)])
    # the previous party still occupies them
    board.floor.take(given, board.floor.mask(quarter_of(now), STAYS_QUARTERS))
    change_tables(session, row, given, seats, now=now)
    taken = Seating(row.restaurant_id, row.id, seats, begin, held)
    bulk_insert(session, table_of(TableOccupancy), taken.quarters())
    said = from_to(board.restaurant, given, seats)
    write_move(
        session,
        row,
        Status(row.status),
        now=now,
        actor=CLOCK,
        reason=RESEATED_REASON,
        detail=said,
    )
    return True


def _quarters_of(session: Session, reservation_id: int, tables: Seats) -> list[int]:
    held = TableOccupancy
    query = select(held.quarter_hour).where(
        held.dining_table_id.in_(tables), held.reservation_id == reservation_id
    )
    return sorted(set(session.scalars(query)))
