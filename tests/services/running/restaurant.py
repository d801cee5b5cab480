"""Write a restaurant for a test row by row: a floor, shifts, policies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Engine

from models.core.database.transactions import transaction
from models.entities import (
    Area,
    Closure,
    Combination,
    CombinationTable,
    DiningTable,
    Restaurant,
    Shift,
)

#: label -> (area, min_party, max_party)
Tables = Mapping[str, tuple[str, int, int]]
#: label -> (labels of its tables, min_party, max_party)
Combinations = Mapping[str, tuple[Sequence[str], int, int]]

SIX_TABLES: Tables = {
    "1": ("hall", 1, 2),
    "2": ("hall", 1, 2),
    "3": ("hall", 2, 4),
    "4": ("hall", 2, 4),
    "5": ("hall", 4, 6),
    "6": ("terrace", 1, 4),
}


@dataclass(frozen=True, slots=True)
class ShiftTimes:
    """A shift in wall clock times: first seating, last seating, end; overrides as in the file."""

    first: time = time(17)
    last: time = time(21, 30)
    ends: time = time(23, 59)
    on_date: date | None = None
    weekdays: int = 127
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenRestaurant:
    """The ids of the rows written."""

    id: int
    slug: str
    areas: dict[str, int]
    tables: dict[str, int]
    shifts: dict[str, int]


def zone_in_the_evening() -> str:
    """A zone in which it is about 19:00 now, so that an evening is in progress."""
    ahead = 19 - datetime.now(UTC).hour
    ahead -= 24 if ahead > 14 else 0
    return f"Etc/GMT{-ahead:+d}"


def open_restaurant(
    bind: Engine,
    *,
    slug: str = "demo",
    zone: str = "Europe/Berlin",
    tables: Tables = SIX_TABLES,
    combinations: Combinations | None = None,
    shifts: Mapping[str, ShiftTimes] | None = None,
    closed_on: Sequence[date] = (),
    policies: Mapping[str, Any] | None = None,
    covers: int | None = None,
) -> OpenRestaurant:
    """Write a restaurant and commit. `policies` has the keys of a restaurant file.

    `covers`: it has no tables, and so many may be in the restaurant.
    """
    tables = tables if covers is None else {}
    with transaction(bind) as session:
        restaurant = Restaurant(
            slug=slug,
            name=slug.title(),
            zone=zone,
            policies=dict(policies or {}),
            covers=covers,
        )
        session.add(restaurant)
        session.flush()
        areas = {
            key: Area(restaurant_id=restaurant.id, key=key, name=key.title(), position=number)
            for number, key in enumerate(dict.fromkeys(table[0] for table in tables.values()))
        }
        session.add_all(areas.values())
        session.flush()
        dining = {
            label: DiningTable(
                restaurant_id=restaurant.id,
                area_id=areas[area].id,
                label=label,
                min_party=least,
                max_party=most,
            )
            for label, (area, least, most) in tables.items()
        }
        times = {
            key: _shift(restaurant.id, key, shift)
            for key, shift in (shifts or {"dinner": ShiftTimes()}).items()
        }
        session.add_all([*dining.values(), *times.values()])
        session.add_all(Closure(restaurant_id=restaurant.id, on_date=day) for day in closed_on)
        session.flush()
        for label, (members, least, most) in (combinations or {}).items():
            joined = Combination(
                restaurant_id=restaurant.id, label=label, min_party=least, max_party=most
            )
            session.add(joined)
            session.flush()
            session.add_all(
                CombinationTable(combination_id=joined.id, dining_table_id=dining[member].id)
                for member in members
            )
        return OpenRestaurant(
            id=restaurant.id,
            slug=slug,
            areas={key: area.id for key, area in areas.items()},
            tables={label: table.id for label, table in dining.items()},
            shifts={key: shift.id for key, shift in times.items()},
        )


def _shift(restaurant_id: int, key: str, shift: ShiftTimes) -> Shift:
    return Shift(
        restaurant_id=restaurant_id,
        key=key,
        name=key.title(),
        first=shift.first,
        last=shift.last,
        ends=shift.ends,
        on_date=shift.on_date,
        weekdays=shift.weekdays,
        overrides=dict(shift.overrides),
    )
