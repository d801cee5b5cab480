"""Check what hosts decided about an evening: blocked tables, and books stopped or closed."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from models.entities.evening import BlockedTable, BlockKept, BookLimit, SectionTable
from models.entities.floor import DiningTable
from models.entities.reservations import Reservation, ReservationMove, TableOccupancy
from models.integrity.finding import Files, Finding
from models.rules.evening.limits import Limited
from models.rules.reservations.lifecycle import HOLDING, PACED, Status
from models.rules.restaurant.sittings import quarter_of

#: the lanes' rounds; what the staff confirm is theirs
_WORKER: Final = "worker"


def at_blocked_tables(
    session: Session, files: Files, *, now: datetime, limit: int
) -> Iterator[Finding]:
    """Parties that hold a blocked table, now or later, and are not listed as keeping it."""
    block, held, row = BlockedTable, TableOccupancy, Reservation
    kept = exists().where(
        BlockKept.block_id == block.block_id, BlockKept.reservation_id == held.reservation_id
    )
    query = (
        select(row.id, block.dining_table_id, block.block_id)
        .join(held, held.dining_table_id == block.dining_table_id)
        .join(row, row.id == held.reservation_id)
        .where(
            block.last_quarter >= quarter_of(now),
            held.quarter_hour >= quarter_of(now),
            held.quarter_hour.between(block.first_quarter, block.last_quarter),
            row.status.in_(sorted(HOLDING)),
            ~kept,
        )
        .distinct()
        .order_by(row.id)
        .limit(limit)
    )
    for number, table, block_id in session.execute(query):
        where = files.table_name(table) if table in files.tables else f"table #{table}"
        text = f"reservation {number} has {where}, which is blocked (block {block_id})"
        yield Finding("blocked", (number,), text)


def past_limits(session: Session, *, limit: int) -> Iterator[Finding]:
    """Parties that a lane confirmed after the limit that forbids it, and that still count."""
    row, move, bound = Reservation, ReservationMove, BookLimit
    query = (
        select(row.id, row.starts_at, bound.from_quarter, bound.kind)
        .join(bound, bound.book_id == row.book_id)
        .join(move, move.reservation_id == row.id)
        .where(
            move.after == Status.CONFIRMED,
            move.before.in_((Status.REQUESTED, Status.WAITLISTED)),
            move.actor == _WORKER,
            move.at > bound.made_at,
            row.status.in_(sorted(PACED)),
            or_(
                bound.kind == Limited.CLOSED,
                and_(row.source == "online", bound.covers == 0),
            ),
        )
        .order_by(row.id)
        .limit(limit)
    )
    for number, starts_at, first, kind in session.execute(query):
        if quarter_of(starts_at) >= first:
            what = "was closed" if kind == Limited.CLOSED else "was stopped online"
            text = f"reservation {number} was confirmed after its book {what}"
            yield Finding("limited", (number,), text)


def strange_sections(session: Session, *, limit: int) -> Iterator[Finding]:
    """Sections of one restaurant with a table of another."""
    row, table = SectionTable, DiningTable
    query = (
        select(row.dining_table_id, row.book_id)
        .join(table, table.id == row.dining_table_id)
        .where(table.restaurant_id != row.restaurant_id)
        .order_by(row.book_id, row.dining_table_id)
        .limit(limit)
    )
    for number, book in session.execute(query):
        text = f"a section of book {book} has table {number}, of another restaurant"
        yield Finding("reference", (book,), text)
