"""The tables of a day, each with its parties and its blocks."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from models.queries.book.shapes import BookBlock, BookReservation, BookSeating, BookTable
from models.rules.restaurant.restaurant import RestaurantSpec, TableSpec


def book_tables(
    restaurant: RestaurantSpec,
    reservations: Iterable[BookReservation],
    seats: Mapping[int, list[TableSpec]],
    blocks: Mapping[int, list[BookBlock]],
) -> tuple[BookTable, ...]:
    """Return the restaurant's tables, then removed ones that still have parties."""
    tables = dict(restaurant.table_by_id)
    seatings: dict[int, list[BookSeating]] = defaultdict(list)
    for row in reservations:
        for table in seats.get(row.id, ()):
            tables.setdefault(table.id, table)
            seatings[table.id].append(
                BookSeating(
                    row.id, row.reference, row.status, row.party_size, row.starts_at, row.ends_at
                )
            )
    return tuple(
        BookTable(
            id=table.id,
            label=table.label,
            area_key=area_key(restaurant, table.area_id),
            min_party=table.min_party,
            max_party=table.max_party,
            seatings=tuple(seatings[table.id]),
            blocks=tuple(blocks.get(table.id, ())),
        )
        for table in tables.values()
    )


def area_key(restaurant: RestaurantSpec, area_id: int | None) -> str | None:
    """Return the key of an area; None without one, or if it is gone."""
    area = restaurant.area_by_id.get(area_id or 0)
    return area.key if area else None
