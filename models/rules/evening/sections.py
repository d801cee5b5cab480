"""Sections: which server has which tables, with the covers balanced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.rules.restaurant.restaurant import TableSpec


@dataclass(frozen=True, slots=True)
class SectionLoad:
    """A server's covers: at the tables now, and still to come."""

    server: str
    seated: int = 0
    to_come: int = 0


def balanced(
    tables: Sequence[TableSpec], covers: Mapping[int, int], servers: Sequence[str]
) -> dict[int, str]:
    """Divide all tables: table id -> server, so that covers differ little, then seats.

    `covers`: what each table has this evening. The fullest tables are dealt first, each to the
    server with the least so far.
    """
    has = dict.fromkeys(servers, (0, 0))
    found: dict[int, str] = {}
    heavy = sorted(tables, key=lambda each: (-covers.get(each.id, 0), -each.max_party, each.id))
    for table in heavy:
        server = min(servers, key=lambda each: (has[each], servers.index(each)))
        found[table.id] = server
        booked, seats = has[server]
        has[server] = (booked + covers.get(table.id, 0), seats + table.max_party)
    return found


def next_section(loads: Sequence[SectionLoad]) -> str | None:
    """The server who gets the next walk-in: the fewest covers now, then the fewest to come."""
    if not loads:
        return None
    return min(loads, key=lambda each: (each.seated, each.to_come, each.server)).server
