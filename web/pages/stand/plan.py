"""Where the tables stand on the plan: as the restaurant's file says, else in rows by area."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil, cos, radians, sin, sqrt
from typing import Final

from models.rules.restaurant.floor_place import Shape
from models.rules.restaurant.restaurant import RestaurantSpec, TableSpec

#: the plan's units: centimetres; a table for four is a metre wide, and tables stand 25 cm apart
METRE: Final = 100
CELL: Final = 126
_MARGIN: Final = 18
_TITLE: Final = 36
_EDGE: Final = 13
#: columns of tables after which areas begin a new row
_WIDEST: Final = 11
#: so many tables stand in rows of three
_FEW: Final = 9
#: a letter of a name on a table is so wide
_LETTER: Final = 7.4
#: ... and so wide in the smaller letters of a long name
_SMALL_LETTER: Final = 6.3
#: width and height by shape, for up to so many guests
_SIZES: Final[dict[Shape, tuple[tuple[int, int, int], ...]]] = {
    "round": ((2, 98, 98), (4, 108, 108), (6, 124, 124), (999, 140, 140)),
    "square": ((2, 92, 92), (4, 100, 100), (999, 114, 104)),
    "rectangle": ((2, 110, 84), (4, 140, 88), (6, 180, 92), (999, 220, 96)),
    "booth": ((4, 132, 104), (6, 160, 104), (999, 190, 110)),
    "bar": ((999, 84, 78),),
}


@dataclass(frozen=True, slots=True)
class TablePlace:
    """A table on the plan: its centre, its size, its shape, and its turn in degrees."""

    table: TableSpec
    x: int
    y: int
    width: int
    height: int
    shape: Shape
    rotation: int = 0

    def _letters(self, width: float) -> int:
        """How many letters fit on its middle line; a round table is narrower off its centre."""
        turn = radians(self.rotation)
        across = min(self.width, self.height) * abs(sin(turn)) + self.width * abs(cos(turn))
        return int((across * (0.94 if self.shape == "round" else 1) - _EDGE - 6) / width)

    def shows(self, size: int, name: str) -> str:
        """Return a party's size and its family name, cut so that they stay on the table."""
        text, most = _text(size, name), self._letters(_SMALL_LETTER)
        return text if len(text) <= most else text[: max(most - 1, 5)] + "…"

    def is_tight(self, size: int, name: str) -> bool:
        """Return whether they stay on the table only in smaller letters."""
        return len(_text(size, name)) > self._letters(_LETTER)


def _text(size: int, name: str) -> str:
    return f"{size} · {name.split(' ')[-1]}" if name else str(size)


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
    for area in _areas(restaurant):
        fits_below = bool(x) and y > top and y + area.height <= bottom
        if not fits_below:
            x, y = x + column, top
            if x and x + area.width > _WIDEST * CELL:
                top, x = bottom + _MARGIN, 0
                y = top
            column = 0
        areas.append(_moved(area, x, y))
        y, column = y + area.height + _MARGIN, max(column, area.width + _MARGIN)
        bottom = max(bottom, y - _MARGIN)
    width = max((each.x + each.width for each in areas), default=CELL)
    return FloorPlan(width, max(bottom, CELL), areas)


def _areas(restaurant: RestaurantSpec) -> Iterable[AreaPlan]:
    """Yield each area that has tables, at the origin."""
    for area in restaurant.areas:
        tables = [table for table in restaurant.tables if table.area_id == area.id]
        if tables:
            yield _area(area.name, tables)


def _area(name: str, tables: Sequence[TableSpec]) -> AreaPlan:
    """Place the tables that have a place, and the others in rows below them."""
    placed = [_placed(table) for table in tables if table.place.x is not None]
    left = [table for table in tables if table.place.x is None]
    width = max((_right(each) for each in placed), default=0)
    height = max((_below(each) for each in placed), default=_TITLE)
    columns = max(_columns(len(left)), width // CELL) if left else 1
    rows = [
        _place(table, _middle(number % columns), height + _middle(number // columns))
        for number, table in enumerate(left)
    ]
    if left:
        width = max(width, min(columns, len(left)) * CELL)
        height += ceil(len(left) / columns) * CELL
    return AreaPlan(name, 0, 0, max(width, 2 * CELL if placed else CELL), height, [*placed, *rows])


def _middle(cell: int) -> int:
    return cell * CELL + CELL // 2


def _columns(count: int) -> int:
    """Return the columns of a block of tables: wider than high when it is large."""
    return max(1, min(count, ceil(sqrt(count * 1.7)) if count > _FEW else 3))


def _moved(area: AreaPlan, x: int, y: int) -> AreaPlan:
    places = [replace(each, x=each.x + x, y=each.y + y) for each in area.places]
    return replace(area, x=x, y=y, places=places)


def _placed(table: TableSpec) -> TablePlace:
    x, y = table.place.x or 0, table.place.y or 0
    return _place(table, round(x * METRE), _TITLE + round(y * METRE))


def _place(table: TableSpec, x: int, y: int) -> TablePlace:
    shape = table.place.shape or ("round" if table.max_party <= 2 else "square")
    width, height = next((w, h) for most, w, h in _SIZES[shape] if table.max_party <= most)
    return TablePlace(table, x, y, width, height, shape, table.place.rotation)


def _reach(place: TablePlace) -> int:
    turn = radians(place.rotation)
    across = place.width * abs(cos(turn)) + place.height * abs(sin(turn))
    return ceil(across / 2)


def _right(place: TablePlace) -> int:
    return place.x + _reach(place) + _EDGE


def _below(place: TablePlace) -> int:
    upright = replace(place, rotation=place.rotation + 90)
    return place.y + _reach(upright) + _EDGE
