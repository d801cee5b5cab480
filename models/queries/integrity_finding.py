"""What a check of the database found, and the restaurants' files that it is held against."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.floor import Combination, CombinationTable, DiningTable, Restaurant
from models.entities.shifts import Shift
from models.queries.integrity_times import text_of
from models.rules.house import Pacing, Policies, split_book_id
from models.rules.policy_shapes import pacing_from, policies_from

#: A worker may still have decided by the older file for this long after the change.
HANDOVER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule. `ids` are reservations where there are any; `text` says which rows."""

    rule: str
    ids: tuple[int, ...]
    text: str


@dataclass(frozen=True, slots=True)
class HouseFile:
    """What one restaurant's file says now, and since when."""

    slug: str
    policies: Policies
    revised_at: datetime | None

    def holds_for(self, decided_at: datetime | None) -> bool:
        """Whether a decision of that moment was made by this file and not by an older one."""
        if self.revised_at is None:
            return True
        return decided_at is not None and decided_at > self.revised_at + HANDOVER


@dataclass(frozen=True, slots=True)
class ShiftFile:
    """Which restaurant a shift belongs to, and where it differs from the restaurant."""

    restaurant_id: int
    pacing: Pacing | None
    buffer_minutes: int | None


@dataclass(frozen=True, slots=True)
class TableFile:
    """Which restaurant a table belongs to, and whom it seats."""

    restaurant_id: int
    label: str
    min_party: int
    max_party: int


@dataclass(frozen=True, slots=True)
class Files:
    """Every restaurant's file, inactive shifts and tables included."""

    houses: dict[int, HouseFile]
    shifts: dict[int, ShiftFile]
    tables: dict[int, TableFile]
    #: the tables of each combination -> the party ranges that they may be joined for
    joined: dict[frozenset[int], list[tuple[int, int]]]

    def buffer_minutes(self, book: int, house: HouseFile) -> int:
        """The reset buffer behind a turn of that book."""
        shift = self.shifts.get(split_book_id(book)[0])
        own = shift.buffer_minutes if shift else None
        return house.policies.buffer_minutes if own is None else own

    def since(self) -> dict[int, str]:
        """After which time a decision was made by a house's file of today; empty: at any."""
        return {
            number: text_of(house.revised_at + HANDOVER) if house.revised_at else ""
            for number, house in self.houses.items()
        }

    def table_name(self, table_id: int) -> str:
        """A table, for people."""
        table = self.tables[table_id]
        house = self.houses.get(table.restaurant_id)
        return f"table {table.label} of {house.slug if house else table.restaurant_id}"


def read_files(session: Session) -> Files:
    """All of them, in five queries."""
    return Files(
        houses={
            row.id: HouseFile(row.slug, policies_from(row.policies), row.revised_at)
            for row in session.execute(
                select(Restaurant.id, Restaurant.slug, Restaurant.policies, Restaurant.revised_at)
            )
        },
        shifts={
            row.id: _shift(row.restaurant_id, row.overrides)
            for row in session.execute(select(Shift.id, Shift.restaurant_id, Shift.overrides))
        },
        tables={
            row.id: TableFile(row.restaurant_id, row.label, row.min_party, row.max_party)
            for row in session.execute(
                select(
                    DiningTable.id,
                    DiningTable.restaurant_id,
                    DiningTable.label,
                    DiningTable.min_party,
                    DiningTable.max_party,
                )
            )
        },
        joined=_read_joined(session),
    )


def _shift(restaurant_id: int, overrides: dict[str, object]) -> ShiftFile:
    pacing, buffer = overrides.get("pacing"), overrides.get("buffer_minutes")
    return ShiftFile(
        restaurant_id,
        pacing_from(pacing) if isinstance(pacing, dict) else None,
        buffer if isinstance(buffer, int) else None,
    )


def _read_joined(session: Session) -> dict[frozenset[int], list[tuple[int, int]]]:
    members: dict[int, set[int]] = defaultdict(set)
    for row in session.execute(
        select(CombinationTable.combination_id, CombinationTable.dining_table_id)
    ):
        members[row.combination_id].add(row.dining_table_id)
    joined: dict[frozenset[int], list[tuple[int, int]]] = defaultdict(list)
    query = select(Combination.id, Combination.min_party, Combination.max_party)
    for number, least, most in session.execute(query):
        joined[frozenset(members[number])].append((least, most))
    return joined
