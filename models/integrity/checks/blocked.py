"""Check that nobody has a blocked table, except the parties that had it before the block."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models.entities.evening import BlockedTable, BlockKept
from models.entities.reservations import Reservation, TableOccupancy
from models.integrity.finding import Files, Finding
from models.rules.reservations.lifecycle import HOLDING
from models.rules.restaurant.sittings import quarter_of


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
