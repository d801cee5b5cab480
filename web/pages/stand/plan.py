"""Where the tables stand on the plan: computed from the areas and the sizes of the tables."""

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Final

from models.rules.restaurant.restaurant import RestaurantSpec, TableSpec

#: the plan's units: a table for four is 100 wide, and tables stand about 25 apart
CELL: Final = 126
_MARGIN: Final = 18
_TITLE: Final = 36
#: columns of tables after which areas begin a new row
_WIDEST: Final = 11
#: so many tables stand in rows of three
_FEW: Final = 9


@dataclass(frozen=True, slots=True)
class TablePlace:
    """A table on the plan: its centre, its size, `round` or `square`, and its turn in degrees."""

    table: TableSpec
    x: int
    y: int
    width: int
    height: int
    shape: str
    rotation: int = 0


@dataclass(frozen=True, slots=True)
class AreaPlan:
    """An area: its rectangle and its tables."""

    name: str
    x: int
    y: int
    width: int
    height: int
    places: list[TablePlace]


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """The whole plan."""

    width: int
    height: int
    areas: list[AreaPlan]


def plan_of(restaurant: RestaurantSpec) -> FloorPlan:
    """Return the plan: each area a block of tables, small areas beside a large one."""
    areas: list[AreaPlan] = []
    x, top, bottom, y, column = 0, 0, 0, 0, 0
    for area in restaurant.areas:
        tables = [table for table in restaurant.tables if table.area_id == area.id]
        if not tables:
            continue
        width, height = _size(len(tables))
        fits_below = bool(x) and y > top and y + height <= bottom
        if not fits_below:
            x, y = x + column, top
            if x and x + width > _WIDEST * CELL:
                top, x = bottom + _MARGIN, 0
                y = top
            column = 0
        areas.append(_area(area.name, tables, width // CELL, x, y))
        y, column = y + height + _MARGIN, max(column, width + _MARGIN)
        bottom = max(bottom, y - _MARGIN)
    width = max((each.x + each.width for each in areas), default=CELL)
    return FloorPlan(width, max(bottom, CELL), areas)


def _size(count: int) -> tuple[int, int]:
    """Return width and height of a block of tables: wider than high when it is large."""
    columns = max(1, min(count, ceil(sqrt(count * 1.7)) if count > _FEW else 3))
    return columns * CELL, ceil(count / columns) * CELL + _TITLE


def _area(name: str, tables: list[TableSpec], columns: int, x: int, y: int) -> AreaPlan:
    places = [
        _place(
            table,
            x + number % columns * CELL + CELL // 2,
            y + _TITLE + number // columns * CELL + CELL // 2,
        )
        for number, table in enumerate(tables)
    ]
    rows = ceil(len(tables) / columns)
    return AreaPlan(name, x, y, columns * CELL, rows * CELL + _TITLE, places)


def _place(table: TableSpec, x: int, y: int) -> TablePlace:
    if table.max_party <= 2:
        return TablePlace(table, x, y, 98, 98, "round")
    if table.max_party <= 4:
        return TablePlace(table, x, y, 100, 100, "square")
    return TablePlace(table, x, y, 114, 104, "square")
