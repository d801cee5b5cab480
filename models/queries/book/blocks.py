"""The blocked tables of a day."""

from collections import defaultdict
from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.evening import BlockedTable, TableBlock
from models.queries.book.shapes import BookBlock
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from models.rules.restaurant.sittings import day_quarters


def blocks_by_table(
    session: Session, restaurant: RestaurantSpec, service_date: date
) -> dict[int, list[BookBlock]]:
    """Return table id -> its blocks that touch the date or its books. One query."""
    first, last = day_quarters(restaurant, service_date)
    row = BlockedTable
    query = (
        select(row.dining_table_id, TableBlock)
        .join(TableBlock, TableBlock.id == row.block_id)
        .where(
            row.restaurant_id == restaurant.id,
            row.last_quarter >= first,
            row.first_quarter <= last,
        )
        .order_by(row.first_quarter, row.block_id)
    )
    found: dict[int, list[BookBlock]] = defaultdict(list)
    for table, block in session.execute(query):
        found[table].append(BookBlock(block.id, *block_times(block), block.reason))
    return found


def blocks_of(session: Session, restaurant: RestaurantSpec, service_date: date) -> list[TableBlock]:
    """Return the blocks in force that touch the date or its books, by their beginning."""
    first, last = day_quarters(restaurant, service_date)
    query = select(TableBlock).where(
        TableBlock.restaurant_id == restaurant.id,
        TableBlock.last_quarter >= first,
        TableBlock.first_quarter <= last,
        TableBlock.lifted_at.is_(None),
    )
    return list(session.scalars(query.order_by(TableBlock.first_quarter, TableBlock.id)))


def block_times(block: TableBlock) -> tuple[datetime, datetime]:
    """Return when the block begins and ends."""
    return _moment(block.first_quarter), _moment(block.last_quarter + 1)


def _moment(quarter: int) -> datetime:
    return datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC)
