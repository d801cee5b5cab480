"""Load books for decisions: floor bitmaps, pacing loads, waitlist lengths."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    CompoundSelect,
    Integer,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.evening import BlockedTable, BookLimit
from models.entities.reservations import Reservation, SeatedTable, TableOccupancy
from models.queries.deciding.covers import STAYS_QUARTERS, count_covers
from models.rules.deciding.board import Ask, Board
from models.rules.deciding.seating import Floor
from models.rules.evening.limits import limited
from models.rules.reservations.lifecycle import DOOR, PACED, Status
from models.rules.restaurant.pacing import Load
from models.rules.restaurant.restaurant import RestaurantSpec, split_book_id
from models.rules.restaurant.sittings import Sitting, book_quarters, quarter_of, sittings_on

_RANGES_A_QUERY = 100
#: in place of a quarter: a party is seated there now
_SITS: Final = -1
_COUNTED = sorted(status.value for status in PACED | {Status.WAITLISTED})


def sitting_of(restaurant: RestaurantSpec, book: int) -> Sitting | None:
    """Return the sitting of a book's id; None if the restaurant is now closed then."""
    sittings = sittings_on(restaurant, split_book_id(book)[1])
    return next((sitting for sitting in sittings if sitting.book_id == book), None)


def load_boards(
    session: Session, books: Mapping[int, RestaurantSpec], *, now: datetime
) -> dict[int, Board]:
    """Return a board for each book that is (still) open. Two queries for up to 100 books.

    Books of one restaurant share one floor, so that dinner takes account of lunch's last turns. A
    table with a seated party is taken, even if that party's turn is over; so is a blocked table.
    When deciding, call it after taking the lock.
    """
    open_books = {
        book: (restaurant, sitting)
        for book, restaurant in books.items()
        if (sitting := sitting_of(restaurant, book)) is not None
    }
    if not open_books:
        return {}
    floors = _load_floors(session, open_books, now)
    boards = {
        book: Board(restaurant, sitting, floors[restaurant.id])
        for book, (restaurant, sitting) in open_books.items()
    }
    _load_pace(session, boards)
    return boards


def _load_floors(
    session: Session, books: Mapping[int, tuple[RestaurantSpec, Sitting]], now: datetime
) -> dict[int, Floor]:
    ranges = [
        (restaurant.id, *book_quarters(restaurant, sitting))
        for restaurant, sitting in books.values()
    ]
    floors: dict[int, Floor] = {}
    for restaurant_id, first, _ in ranges:
        floor = floors.setdefault(restaurant_id, Floor(first, {}))
        floor.base = min(floor.base, first)
    for start in range(0, len(ranges), _RANGES_A_QUERY):
        _read_occupancy(session, floors, ranges[start : start + _RANGES_A_QUERY], quarter_of(now))
    for (restaurant, _), (_, first, last) in zip(books.values(), ranges, strict=True):
        count_covers(session, restaurant, floors[restaurant.id], first=first, last=last, now=now)
    return floors


def load_hours(session: Session, board: Board, ask: Ask, *, now: datetime) -> None:
    """Extend the board's floor to the hours of this party, which may lie outside of the shift's.

    Only for the board of a single book, before movable parties are loaded.
    """
    floor = board.floor
    if (earlier := floor.base - ask.quarter) > 0:
        floor.taken = {table: taken << earlier for table, taken in floor.taken.items()}
        floor.base = ask.quarter
    _read_hours(session, board, ask.quarter, ask.quarter + board.held(ask) - 1, now=now)


def load_later(session: Session, board: Board, ask: Ask, *, now: datetime) -> None:
    """Extend the board's floor to the end of a turn that is longer than any of the book's own."""
    first = book_quarters(board.restaurant, board.sitting)[1] + 1
    last = ask.quarter + board.held(ask) - 1
    if last >= first:
        _read_hours(session, board, first, last, now=now)


def _read_hours(session: Session, board: Board, first: int, last: int, *, now: datetime) -> None:
    restaurant, floor = board.restaurant, board.floor
    _read_occupancy(
        session, {restaurant.id: floor}, [(restaurant.id, first, last)], quarter_of(now)
    )
    count_covers(session, restaurant, floor, first=first, last=last, now=now)


@lru_cache(maxsize=2 * _RANGES_A_QUERY)
def _occupancy_of(ranges: int, *, sitting: bool) -> CompoundSelect[Any]:
    """Return the statement for that many ranges, cached: building it costs more than running it.

    A row is a restaurant, a table, and either a quarter and 0, or the first and last quarter of a
    block. `sitting`: include the parties seated in these restaurants now.
    """
    row, block = table_of(TableOccupancy).c, table_of(BlockedTable).c
    spans = [
        (
            bindparam(f"restaurant{number}", type_=Integer),
            bindparam(f"first{number}", type_=Integer),
            bindparam(f"last{number}", type_=Integer),
        )
        for number in range(ranges)
    ]
    held = select(
        row.restaurant_id, row.dining_table_id, row.quarter_hour, literal_column("0")
    ).where(
        or_(
            *(
                and_(row.restaurant_id == restaurant, row.quarter_hour.between(first, last))
                for restaurant, first, last in spans
            )
        )
    )
    blocked = select(
        block.restaurant_id, block.dining_table_id, block.first_quarter, block.last_quarter
    ).where(
        or_(
            *(
                and_(
                    block.restaurant_id == restaurant,
                    block.first_quarter <= last,
                    block.last_quarter >= first,
                )
                for restaurant, first, last in spans
            )
        )
    )
    return union_all(held, blocked, _SITTING) if sitting else union_all(held, blocked)


_SEATED, _PARTY = table_of(SeatedTable).c, table_of(Reservation).c
_SITTING = (
    select(
        _SEATED.restaurant_id,
        _SEATED.dining_table_id,
        literal_column(str(_SITS)),
        literal_column("0"),
    )
    .join_from(_SEATED.restaurant_id.table, _PARTY.id.table, _PARTY.id == _SEATED.reservation_id)
    .where(
        _SEATED.restaurant_id.in_(bindparam("tonight", expanding=True)),
        _PARTY.status == Status.SEATED.value,
    )
)


def _read_occupancy(
    session: Session, floors: Mapping[int, Floor], ranges: list[tuple[int, int, int]], now: int
) -> None:
    wanted: dict[str, Any] = {}
    for number, (restaurant_id, first, last) in enumerate(ranges):
        wanted |= {
            f"restaurant{number}": restaurant_id,
            f"first{number}": first,
            f"last{number}": last,
        }
    stays = range(now, now + STAYS_QUARTERS)
    tonight = {
        restaurant for restaurant, first, last in ranges if first < stays.stop and now <= last
    }
    if tonight:
        wanted["tonight"] = sorted(tonight)
    query = _occupancy_of(len(ranges), sitting=bool(tonight))
    end = max(last for _, _, last in ranges)
    for restaurant_id, table_id, quarter, blocked_to in session.execute(query, wanted):
        floor = floors[restaurant_id]
        if blocked_to:
            floor.block(table_id, floor.mask(quarter, min(blocked_to, end) - quarter + 1))
        elif quarter == _SITS:
            # The floor's first quarter may be later.
            floor.take((table_id,), floor.mask(now, STAYS_QUARTERS))
        else:
            floor.taken[table_id] = floor.taken.get(table_id, 0) | 1 << (quarter - floor.base)


_ROW = table_of(Reservation).c
_PACE = (
    select(
        _ROW.book_id,
        _ROW.starts_at,
        _ROW.status,
        _ROW.source,
        func.sum(_ROW.party_size),
        func.count(),
    )
    .where(_ROW.book_id.in_(bindparam("books", expanding=True)), _ROW.status.in_(_COUNTED))
    .group_by(_ROW.book_id, _ROW.starts_at, _ROW.status, _ROW.source)
)


#: a host's limits on these books, in the place of a group: kind, covers and first quarter
_LIMIT = "limit"
_LIMITS = table_of(BookLimit).c
_PACE_AND_LIMITS = union_all(
    _PACE,
    select(
        _LIMITS.book_id,
        _LIMITS.made_at,
        _LIMITS.kind,
        literal_column(f"'{_LIMIT}'"),
        _LIMITS.covers,
        _LIMITS.from_quarter,
    ).where(_LIMITS.book_id.in_(bindparam("books", expanding=True))),
)


def _load_pace(session: Session, boards: Mapping[int, Board]) -> None:
    found = session.execute(_PACE_AND_LIMITS, {"books": sorted(boards)})
    for book, starts_at, status, source, covers, parties in found:
        board = boards[book]
        if source == _LIMIT:
            board.limits = limited(board.limits, status, covers=int(covers), first=parties)
            continue
        if status == Status.WAITLISTED:
            board.waitlisted += parties if source != DOOR else 0
            continue
        load = board.pace.setdefault(quarter_of(starts_at), Load())
        load.covers += int(covers)
        load.parties += parties
        if source == "online":
            load.online_covers += int(covers)
