"""What a check of the database found, and what it knows of the restaurants' files."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from models.integrity.times import text_of
from models.rules.restaurant.restaurant import Pacing, Policies, RestaurantSpec, split_book_id

#: A worker may still have decided by the older file for this long after the change.
HANDOVER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule. `ids` are reservations where there are any; `text` says which rows.

    `is_known`: a changed file, or new zone rules, left a party where nothing fits it any more. The
    staff were told, and have to call it; no row is damaged.
    """

    rule: str
    ids: tuple[int, ...]
    text: str
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class CheckedRestaurant:
    """What one restaurant's file says now, and since when. `house`: as the rules see it."""

    slug: str
    policies: Policies
    revised_at: datetime | None
    restaurant: RestaurantSpec

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

    restaurants: dict[int, CheckedRestaurant]
    shifts: dict[int, ShiftFile]
    tables: dict[int, TableFile]
    #: the tables of each combination -> the party ranges that they may be joined for
    joined: dict[frozenset[int], list[tuple[int, int]]]
    #: restaurants that are there and cannot be read: nothing of theirs is held against a file
    unreadable: dict[int, str] = field(default_factory=dict)

    def buffer_minutes(self, book: int, restaurant: CheckedRestaurant) -> int:
        """The reset buffer behind a turn of that book."""
        shift = self.shifts.get(split_book_id(book)[0])
        own = shift.buffer_minutes if shift else None
        return restaurant.policies.buffer_minutes if own is None else own

    def since(self) -> dict[int, str]:
        """After which time a decision was made by a house's file of today; empty: at any."""
        return {
            number: text_of(restaurant.revised_at + HANDOVER) if restaurant.revised_at else ""
            for number, restaurant in self.restaurants.items()
        }

    def table_name(self, table_id: int) -> str:
        """A table, for people."""
        table = self.tables[table_id]
        restaurant = self.restaurants.get(table.restaurant_id)
        return f"table {table.label} of {restaurant.slug if restaurant else table.restaurant_id}"
