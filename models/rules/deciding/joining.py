"""Tables joined by hand, for a party that is larger than every table and combination."""

from collections.abc import Iterable, Sequence
from typing import Final

from models.rules.deciding.seating import Seats
from models.rules.restaurant.restaurant import TableSpec

#: The most tables that are proposed for one party.
MOST: Final = 12


def join_by_hand(free: Iterable[TableSpec], party_size: int) -> list[Seats]:
    """Sets of these tables that seat the party together: one for each area, else over all areas.

    The one with the fewest tables comes first, of two the one with fewer seats left over.
    """
    tables = sorted(free, key=lambda table: (-table.max_party, table.priority, table.id))
    areas = dict.fromkeys(table.area_id for table in tables)
    within = [[table for table in tables if table.area_id == area] for area in areas]
    found = [some for group in within if (some := _fewest(group, party_size))]
    if not found and (some := _fewest(tables, party_size)):
        found = [some]
    found.sort(key=lambda some: (len(some), _seats(some)))
    return [tuple(sorted(table.id for table in some)) for some in found]


def _fewest(tables: Sequence[TableSpec], party_size: int) -> list[TableSpec]:
    """The largest tables until the party sits, the last of them the smallest that suffices."""
    chosen: list[TableSpec] = []
    for number, table in enumerate(tables[:MOST]):
        lacks = party_size - _seats(chosen)
        if table.max_party >= lacks:
            enough = [each for each in tables[number:] if each.max_party >= lacks]
            return [*chosen, min(enough, key=lambda each: each.max_party)]
        chosen.append(table)
    return []


def _seats(tables: Iterable[TableSpec]) -> int:
    return sum(table.max_party for table in tables)
