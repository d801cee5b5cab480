"""What must hold between the parts of a restaurant's file. Each check names the key at fault."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from itertools import combinations
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from models.core.toml_lines import KeyPath
from models.operations.floor_shapes import (
    DAYS,
    AreaShape,
    ClosureShape,
    CombinationShape,
    FileShape,
    PoliciesShape,
    ShiftShape,
    TableShape,
)
from models.rules.house import Policies

#: A path, and what is wrong there.
Problem = tuple[KeyPath, str]
S = TypeVar("S", bound=FileShape)

_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
#: A shift that is longer was meant otherwise: a time before `first` lies after midnight.
LONGEST_SHIFT: Final = 18 * 60
LONGEST_TURN: Final = 12 * 60


@dataclass(slots=True)
class Parts:
    """Those parts of a file that are right by themselves, each with its number in the file."""

    policies: PoliciesShape = field(default_factory=PoliciesShape)
    areas: dict[int, AreaShape] = field(default_factory=dict)
    tables: dict[int, TableShape] = field(default_factory=dict)
    combinations: dict[int, CombinationShape] = field(default_factory=dict)
    shifts: dict[int, ShiftShape] = field(default_factory=dict)
    closures: dict[int, ClosureShape] = field(default_factory=dict)
    #: keys and labels by section, also of parts that are wrong otherwise
    names: dict[str, set[str]] = field(default_factory=dict)


def parts_of(document: Mapping[str, Any]) -> Parts:
    """What can be checked against each other, also where something else is wrong."""
    return Parts(
        policies=_valid(PoliciesShape, document.get("policies", {})) or PoliciesShape(),
        areas=_list(AreaShape, document.get("areas")),
        tables=_list(TableShape, document.get("tables")),
        combinations=_list(CombinationShape, document.get("combinations")),
        shifts=_list(ShiftShape, document.get("shifts")),
        closures=_list(ClosureShape, document.get("closures")),
        names={
            section: _names(document.get(section), key)
            for section, key in (("areas", "key"), ("tables", "label"), ("shifts", "key"))
        },
    )


def _valid(shape: type[S], value: Any) -> S | None:
    """The part, without those of its keys that are wrong by themselves: the file reports them."""
    try:
        return shape.model_validate(value)
    except ValidationError as invalid:
        wrong = {error["loc"][0] for error in invalid.errors() if error["loc"]}
        if isinstance(value, dict) and not wrong.isdisjoint(value):
            return _valid(shape, {key: each for key, each in value.items() if key not in wrong})
        return None


def _list(shape: type[S], values: Any) -> dict[int, S]:
    if not isinstance(values, list):
        return {}
    found = {number: _valid(shape, value) for number, value in enumerate(values)}
    return {number: value for number, value in found.items() if value is not None}


def _names(values: Any, key: str) -> set[str]:
    rows = values if isinstance(values, list) else []
    return {str(row[key]) for row in rows if isinstance(row, dict) and key in row}


# --- the checks


def _policies(parts: Parts) -> Iterator[Problem]:
    default, given = Policies(), parts.policies
    least = given.min_party_online or default.min_party_online
    if least > (given.max_party_online or default.max_party_online):
        yield ("policies", "min_party_online"), "must be <= max_party_online"
    yield from _turn_times(("policies",), given.turn_times)


def _turn_times(path: KeyPath, rows: list[list[int]] | None) -> Iterator[Problem]:
    before = 0
    for number, (up_to, minutes) in enumerate(rows or []):
        here = (*path, "turn_times", number)
        if up_to <= before:
            yield here, "party sizes must rise from row to row"
        if minutes % 15 or minutes > LONGEST_TURN:
            yield here, f"minutes must be a multiple of 15, at most {LONGEST_TURN}"
        before = up_to


def _no_twins(parts: Parts) -> Iterator[Problem]:
    yield from _twins("areas", "key", {n: each.key for n, each in parts.areas.items()})
    yield from _twins("tables", "label", {n: each.label for n, each in parts.tables.items()})
    joined = {n: each.label for n, each in parts.combinations.items()}
    yield from _twins("combinations", "label", joined)
    yield from _twins("shifts", "key", {n: each.key for n, each in parts.shifts.items()})
    closed = {n: (each.date, each.shift) for n, each in parts.closures.items()}
    yield from _twins("closures", "date", closed)


def _twins(section: str, key: str, values: Mapping[int, Any]) -> Iterator[Problem]:
    first: dict[Any, int] = {}
    for number, value in values.items():
        if value in first:
            yield (section, number, key), f"is the same as {section}[{first[value]}].{key}"
        first.setdefault(value, number)


def _floor(parts: Parts) -> Iterator[Problem]:
    areas, labels = parts.names["areas"], parts.names["tables"]
    for number, table in parts.tables.items():
        if table.area not in areas:
            yield ("tables", number, "area"), f"there is no area {table.area!r}"
        yield from _party_range(("tables", number), table)
    for number, joined in parts.combinations.items():
        yield from _party_range(("combinations", number), joined)
        for place, label in enumerate(joined.tables):
            here = ("combinations", number, "tables", place)
            if label not in labels:
                yield here, f"there is no table {label!r}"
            if label in joined.tables[:place]:
                yield here, f"table {label!r} stands here twice"


def _party_range(path: KeyPath, part: TableShape | CombinationShape) -> Iterator[Problem]:
    if part.min_party > part.max_party:
        yield (*path, "min_party"), "must be <= max_party"


def _shifts(parts: Parts) -> Iterator[Problem]:
    for number, shift in parts.shifts.items():
        path = ("shifts", number)
        yield from _turn_times(path, shift.turn_times)
        yield from _hours(path, shift)
        if shift.on_date is not None:
            for name in ("days", "valid_from", "valid_until"):
                if getattr(shift, name) is not None:
                    yield (*path, name), "says nothing beside on_date"
        if shift.valid_from and shift.valid_until and shift.valid_until < shift.valid_from:
            yield (*path, "valid_until"), "must not be before valid_from"
        for place, day in enumerate(shift.days or []):
            if day in (shift.days or [])[:place]:
                yield (*path, "days", place), f"{day} stands here twice"


def _hours(path: KeyPath, shift: ShiftShape) -> Iterator[Problem]:
    last, ends = _after(shift.first, shift.last), _after(shift.first, shift.ends)
    for name, minutes in (("last", last), ("ends", ends)):
        if minutes > LONGEST_SHIFT:
            yield (
                (*path, name),
                f"is {minutes / 60:g} h after first (an earlier time lies after midnight);"
                f" a shift lasts at most {LONGEST_SHIFT // 60} h",
            )
    if ends < last <= LONGEST_SHIFT:
        yield (*path, "ends"), "must not be before last"


def _after(first: time, other: time) -> int:
    """Minutes from `first` to the other time, which lies after midnight when it is earlier."""
    return (_minutes(other) - _minutes(first)) % _DAY


def _minutes(wall: time) -> int:
    return wall.hour * 60 + wall.minute


def _overlaps(parts: Parts) -> Iterator[Problem]:
    """No start belongs to two shifts."""
    likely = [each for each in parts.shifts.items() if not list(_hours((), each[1]))]
    for (_, one), (number, other) in combinations(likely, 2):
        if one.on_date != other.on_date or not _share_dates(one, other):
            continue
        day = _shared_day(one, other)
        if day is not None:
            where = f"on {one.on_date}" if one.on_date else f"on {day}"
            yield ("shifts", number, "first"), f"its seatings overlap those of {one.key!r} {where}"


def _share_dates(one: ShiftShape, other: ShiftShape) -> bool:
    begins = max(one.valid_from or date.min, other.valid_from or date.min)
    return begins <= min(one.valid_until or date.max, other.valid_until or date.max)


def _shared_day(one: ShiftShape, other: ShiftShape) -> str | None:
    """The first day on which both would seat at the same minute."""
    for begin, end, day in _seatings(one):
        for their_begin, their_end, _ in _seatings(other):
            for week in (-_WEEK, 0, _WEEK):
                if begin <= their_end + week and their_begin + week <= end:
                    return day
    return None


def _seatings(shift: ShiftShape) -> Iterator[tuple[int, int, str]]:
    days = ["mon"] if shift.on_date else shift.days or list(DAYS)
    for day in days:
        begin = DAYS.index(day) * _DAY + _minutes(shift.first)
        yield begin, begin + _after(shift.first, shift.last), day


def _closures(parts: Parts) -> Iterator[Problem]:
    shifts = parts.names["shifts"]
    for number, closure in parts.closures.items():
        if closure.shift is not None and closure.shift not in shifts:
            yield ("closures", number, "shift"), f"there is no shift {closure.shift!r}"


CHECKS: Final[tuple[Callable[[Parts], Iterator[Problem]], ...]] = (
    _policies,
    _no_twins,
    _floor,
    _shifts,
    _overlaps,
    _closures,
)


def relations(document: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong between the parts of the parsed file."""
    parts = parts_of(document)
    return [problem for check in CHECKS for problem in check(parts)]
