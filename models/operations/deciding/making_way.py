"""Making way: give a party another table while the previous party still sits at its own."""

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, aliased

from models.entities.reservations import Reservation, SeatedTable, TableOccupancy
from models.operations.deciding.books import free_books, lock_books
from models.operations.deciding.free_tables import find_tables
from models.operations.deciding.occupancy import tables_of
from models.operations.deciding.seatings import Seating
from models.operations.deciding.verdicts import Verdicts
from models.queries.deciding.boards import load_boards
from models.queries.deciding.covers import STAYS_QUARTERS
from models.queries.deciding.parties import COLUMNS, PartyRow, wants_of
from models.queries.floor.load import restaurant_by_id, unreadable_restaurants
from models.rules.deciding.board import Ask, Board, Outcome
from models.rules.deciding.seating import Seats
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
    older release did not record it. A table becomes free by moving others, too, which may move
    others again. If there is none, nothing changes, and the book warns the host. Return how many of
    the next parties were moved.
    """
    lock_books(session, {book: restaurant_id})
    restaurant = restaurant_by_id(session, restaurant_id)
    board = load_boards(session, {book: restaurant}, now=now).get(book)
    if board is None:
        return 0
    query = select(*COLUMNS).where(*_overtaken(now), Reservation.book_id == book)
    parties = session.execute(query.order_by(Reservation.starts_at, Reservation.id)).all()
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


def _elsewhere(session: Session, board: Board, row: PartyRow, *, now: datetime) -> bool:
    """Move the party to other tables if possible; return whether it was moved."""
    given = tables_of(session, row.id)
    quarters = _quarters_of(session, row.id, given)
    if not quarters:
        return False
    begin, held = quarters[0], quarters[-1] - quarters[0] + 1
    mask = board.floor.mask(begin, held)
    online, walk_in = row.source == "online", row.source == "walk_in"
    place = row.party_size, begin, row.area_id
    ask = Ask(*place, online=online, walk_in=walk_in, wants=wants_of(row))
    room = find_tables(session, board, ask, mask, now=now)
    if not room.seats:
        return False
    board.floor.release(given, mask)
    # the previous party still occupies them
    board.floor.take(given, board.floor.mask(quarter_of(now), STAYS_QUARTERS))
    outcome = Outcome(Status.CONFIRMED, room.seats, held, moves=room.moves)
    board.apply(ask, outcome)
    _write(session, board, Seating(row.restaurant_id, row.id, given, begin, held), outcome, now=now)
    return True


def _write(
    session: Session, board: Board, own: Seating, outcome: Outcome, *, now: datetime
) -> None:
    """Write the new tables, and a line in the history of each party that moved."""
    verdicts = Verdicts(now, CLOCK)
    verdicts.left[own.reservation_id] = own
    verdicts.seated(board.restaurant, own.reservation_id, outcome, start=own.start)
    moved = select(*COLUMNS).where(COLUMNS[0].in_(sorted(verdicts.left)))
    for row in session.execute(moved).all():
        verdicts.reseated(row)
    verdicts.write(session)
    free_books(session, {board.sitting.book_id: board.restaurant.id}, now=now)


def _quarters_of(session: Session, reservation_id: int, tables: Seats) -> list[int]:
    held = TableOccupancy
    query = select(held.quarter_hour).where(
        held.dining_table_id.in_(tables), held.reservation_id == reservation_id
    )
    return sorted(set(session.scalars(query)))
