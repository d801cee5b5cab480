"""Blocks: take tables out for a time, and give them back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.orm import Session

from models.core.errors import UNKNOWN_TABLE, Invalid, NotFound, StateConflict, sentence
from models.entities.evening import BlockedTable, BlockKept, TableBlock
from models.entities.reservations import Reservation, SeatedTable, TableOccupancy
from models.operations.deciding.books import free_books, touch_books
from models.operations.evening.acts import (
    books_touching,
    check_book_revision,
    lock_evening,
    record_act,
)
from models.operations.evening.moving import Resettled, move_away
from models.queries.deciding.covers import STAYS_QUARTERS
from models.queries.deciding.parties import COLUMNS, PartyRow
from models.rules.deciding.seating import Seats
from models.rules.evening.acts import Act
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import local, quarter_of

#: A longer one belongs in the restaurant's file.
LONGEST_DAYS = 31
_LONGEST = LONGEST_DAYS * 96
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Quarters:
    """Quarters, the last one inclusive."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """A block, and the parties that had its tables: those that moved, and those that stay."""

    block: TableBlock
    parties: tuple[Resettled, ...] = ()


def block_tables(
    session: Session,
    restaurant: RestaurantSpec,
    *,
    tables: Seats,
    span: Quarters,
    reason: str,
    move: bool,
    now: datetime,
    actor: str,
    if_revision: int | None = None,
) -> Blocked:
    """Block these tables; from then on nobody gets them, from the staff neither.

    While parties have them it is refused; with `move` those that fit elsewhere are re-seated, and
    the others keep their tables until the host moves or cancels them. A party that sits stays. The
    same block again does nothing. `if_revision`: of the book of the day on which it begins. Raises
    Invalid, RevisionConflict, and StateConflict naming the parties.
    """
    _check(restaurant, tables, span, now=now)
    day = local(restaurant, span.first).date()
    books = books_touching(restaurant, span.first, span.last)
    books |= {row.book_id for row in _parties_at(session, tables, span, now=now)}
    lock_evening(session, restaurant, books)
    known = _same(session, restaurant, tables, span)
    if known is not None:
        return Blocked(known)
    check_book_revision(session, restaurant, day, if_revision)
    parties = _parties_at(session, tables, span, now=now)
    lock_evening(session, restaurant, {row.book_id for row in parties} - books)
    if parties and not move:
        raise StateConflict(_held(restaurant, parties))
    block = _write(session, restaurant, tables, span, reason, now=now, actor=actor)
    settled = move_away(session, restaurant, parties, now=now, actor=actor)
    kept = [each.party.id for each in settled if not each.after]
    session.add_all(BlockKept(block_id=block.id, reservation_id=number) for number in kept)
    moved = len(settled) - len(kept)
    said = {"block": block.id, "tables": block.labels, "reason": reason}
    said |= {"first_quarter": span.first, "last_quarter": span.last, "moved": moved, "kept": kept}
    record_act(session, restaurant, day, Act.BLOCK, now=now, actor=actor, **said)
    _announce(session, restaurant, books | {row.book_id for row in parties})
    return Blocked(block, tuple(settled))


def lift_block(
    session: Session, restaurant: RestaurantSpec, block_id: int, *, now: datetime, actor: str
) -> TableBlock:
    """Give the tables back; the waitlist is asked first. Lifting again does nothing.

    Raises NotFound.
    """
    block = session.get(TableBlock, block_id)
    if block is None or block.restaurant_id != restaurant.id:
        raise NotFound("there is no such block")
    books = books_touching(restaurant, block.first_quarter, block.last_quarter)
    lock_evening(session, restaurant, books)
    session.refresh(block)
    if block.lifted_at is not None:
        return block
    block.lifted_at, block.lifted_by = now, actor
    session.execute(delete(BlockedTable).where(BlockedTable.block_id == block_id))
    session.execute(delete(BlockKept).where(BlockKept.block_id == block_id))
    day = local(restaurant, block.first_quarter).date()
    said = {"block": block.id, "tables": block.labels, "reason": block.reason}
    record_act(session, restaurant, day, Act.LIFT, now=now, actor=actor, **said)
    if books:
        free_books(session, dict.fromkeys(books, restaurant.id), now=now)
    return block


def _check(restaurant: RestaurantSpec, tables: Seats, span: Quarters, *, now: datetime) -> None:
    if not tables:
        raise Invalid.field("tables", sentence("name_tables", "name at least one table"))
    if not set(tables) <= restaurant.table_by_id.keys():
        raise Invalid.field("tables", UNKNOWN_TABLE)
    if span.last < span.first:
        raise Invalid.field("until", sentence("until_too_early", "must be later than from"))
    if span.last < quarter_of(now):
        raise Invalid.field("until", sentence("is_past", "is in the past"))
    if span.last - span.first >= _LONGEST:
        words = "must be within {days} days of from; a longer one is a change of the file"
        raise Invalid.field("until", sentence("block_too_long", words, days=LONGEST_DAYS))


def _same(
    session: Session, restaurant: RestaurantSpec, tables: Seats, span: Quarters
) -> TableBlock | None:
    """Return the block of exactly these tables and quarters that is in force."""
    query = select(TableBlock, BlockedTable.dining_table_id).where(
        TableBlock.id == BlockedTable.block_id,
        TableBlock.restaurant_id == restaurant.id,
        TableBlock.first_quarter == span.first,
        TableBlock.last_quarter == span.last,
    )
    found: dict[TableBlock, set[int]] = {}
    for block, table in session.execute(query):
        found.setdefault(block, set()).add(table)
    return next((block for block, own in found.items() if own == set(tables)), None)


def _parties_at(
    session: Session, tables: Seats, span: Quarters, *, now: datetime
) -> Sequence[PartyRow]:
    """Return the parties that hold these tables then, or sit there now, by their start."""
    held, seated, row = TableOccupancy, SeatedTable, Reservation
    first = max(span.first, quarter_of(now))
    holding = select(held.reservation_id).where(
        held.dining_table_id.in_(tables), held.quarter_hour.between(first, span.last)
    )
    concerned: ColumnElement[bool] = row.id.in_(holding)
    if span.first < quarter_of(now) + STAYS_QUARTERS:
        sits = select(seated.reservation_id).where(seated.dining_table_id.in_(tables))
        concerned = or_(concerned, row.id.in_(sits) & (row.status == Status.SEATED))
    query = select(*COLUMNS).where(concerned, row.status.in_(sorted(HOLDING)))
    return session.execute(query.order_by(row.starts_at, row.id)).all()


def _held(restaurant: RestaurantSpec, parties: Sequence[PartyRow]) -> str:
    said = [
        f"a party of {row.party_size} at "
        f"{local(restaurant, quarter_of(row.starts_at)):%H:%M} (reservation {row.id})"
        for row in parties[:_NAMED]
    ]
    more = len(parties) - len(said)
    rest = f" and {more} more" if more else ""
    times = [
        f"{local(restaurant, quarter_of(row.starts_at)):%H:%M} ({row.party_size})"
        for row in parties[:_NAMED]
    ]
    return sentence(
        "tables_given",
        "these tables are given to {said}; move them, or say parties: move",
        said=f"{', '.join(said)}{rest}",
        parties=", ".join(times),
    )


def _write(
    session: Session,
    restaurant: RestaurantSpec,
    tables: Seats,
    span: Quarters,
    reason: str,
    *,
    now: datetime,
    actor: str,
) -> TableBlock:
    block = TableBlock(
        restaurant_id=restaurant.id,
        first_quarter=span.first,
        last_quarter=span.last,
        labels=[restaurant.table_by_id[table].label for table in tables],
        reason=reason,
        made_at=now,
        made_by=actor,
    )
    session.add(block)
    session.flush()
    session.add_all(
        BlockedTable(
            dining_table_id=table,
            block_id=block.id,
            restaurant_id=restaurant.id,
            first_quarter=span.first,
            last_quarter=span.last,
        )
        for table in tables
    )
    session.flush()
    return block


def _announce(session: Session, restaurant: RestaurantSpec, books: Collection[int]) -> None:
    if books:
        touch_books(session, dict.fromkeys(books, restaurant.id))
