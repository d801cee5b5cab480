"""Findings of the integrity check, and the restaurants' files that it needs."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from models.integrity.times import text_of
from models.rules.restaurant.restaurant import Pacing, Policies, RestaurantSpec, split_book_id

#: A worker may use the older file for this long after a change.
HANDOVER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule. `ids` are reservations, if any; `text` says which rows.

    `is_known`: no row is damaged, but a changed file, or new zone rules, made a party's booking
    invalid. This was reported to the staff, who have to call the guest.
    """

    rule: str
    ids: tuple[int, ...]
    text: str
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class CheckedRestaurant:
    """A restaurant's current file, and when it last changed. `restaurant`: as the rules use it."""

    slug: str
    policies: Policies
    revised_at: datetime | None
    restaurant: RestaurantSpec

    def holds_for(self, decided_at: datetime | None) -> bool:
        """Whether a decision made at that time used the current file, not an older one."""
        if self.revised_at is None:
            return True
        return decided_at is not None and decided_at > self.revised_at + HANDOVER


@dataclass(frozen=True, slots=True)
class ShiftFile:
    """The restaurant of a shift, and the settings in which the shift differs from it."""

    restaurant_id: int
    pacing: Pacing | None
    buffer_minutes: int | None


@dataclass(frozen=True, slots=True)
class TableFile:
    """The restaurant of a table, its label, and the party sizes that it seats."""

    restaurant_id: int
    label: str
    min_party: int
    max_party: int


@dataclass(frozen=True, slots=True)
class Files:
    """Every restaurant's file, including inactive shifts and tables."""

    restaurants: dict[int, CheckedRestaurant]
    shifts: dict[int, ShiftFile]
    tables: dict[int, TableFile]
    #: the tables of each combination -> the party ranges that they may be joined for
    joined: dict[frozenset[int], list[tuple[int, int]]]
    #: restaurants that exist but cannot be read: their rows are not checked against a file
    unreadable: dict[int, str] = field(default_factory=dict)

    def buffer_minutes(self, book: int, restaurant: CheckedRestaurant) -> int:
        """Minutes of the reset buffer after a turn of that book."""
        shift = self.shifts.get(split_book_id(book)[0])
        own = shift.buffer_minutes if shift else None
        return restaurant.policies.buffer_minutes if own is None else own

    def since(self) -> dict[int, str]:
        """Restaurant -> time after which a decision used its current file; empty: at any time."""
        return {
            number: text_of(restaurant.revised_at + HANDOVER) if restaurant.revised_at else ""
            for number, restaurant in self.restaurants.items()
        }

    def table_name(self, table_id: int) -> str:
        """The name of a table, for people."""
        table = self.tables[table_id]
        restaurant = self.restaurants.get(table.restaurant_id)
        return f"table {table.label} of {restaurant.slug if restaurant else table.restaurant_id}"
