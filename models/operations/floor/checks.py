"""Checks between the parts of a restaurant's file. Each names the key at fault."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from models.core.toml_lines import KeyPath
from models.operations.floor.capacity_checks import check_capacity
from models.operations.floor.parts import Parts, Problem, parts_of
from models.operations.floor.shapes import ClosureShape, CombinationShape, TableShape
from models.operations.floor.shift_checks import check_overlaps, check_shifts, check_turn_times
from models.rules.restaurant.day_rules import DatePacing
from models.rules.restaurant.restaurant import Policies

#: More days in one entry are taken for a mistake.
LONGEST_CLOSURE: Final = 366


def _policies(parts: Parts) -> Iterator[Problem]:
    default, given = Policies(), parts.policies
    least = given.min_party_online or default.min_party_online
    if least > (given.max_party_online or default.max_party_online):
        yield ("policies", "min_party_online"), "must be <= max_party_online"
    yield from check_turn_times(("policies",), given.turn_times)


def _turns_of_areas(parts: Parts) -> Iterator[Problem]:
    for number, area in parts.areas.items():
        yield from check_turn_times(("areas", number), area.turn_times)


def _no_twins(parts: Parts) -> Iterator[Problem]:
    yield from _twins("areas", "key", {n: each.key for n, each in parts.areas.items()})
    yield from _twins("tables", "label", {n: each.label for n, each in parts.tables.items()})
    yield from _twins("features", "key", {n: each.key for n, each in parts.features.items()})
    joined = {n: each.label for n, each in parts.combinations.items()}
    yield from _twins("combinations", "label", joined)
    yield from _twins("shifts", "key", {n: each.key for n, each in parts.shifts.items()})


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
        for place, key in enumerate(table.features or ()):
            if key not in parts.names["features"]:
                yield ("tables", number, "features", place), f"there is no feature {key!r}"
        if table.online is not None and table.online != table.is_online:
            yield ("tables", number, "online"), f"contradicts use = {table.use!r}"
    for number, joined in parts.combinations.items():
        yield from _party_range(("combinations", number), joined)
        for place, label in enumerate(joined.tables):
            here = ("combinations", number, "tables", place)
            if label not in labels:
                yield here, f"there is no table {label!r}"
            if label in joined.tables[:place]:
                yield here, f"table {label!r} is listed twice"


def _party_range(path: KeyPath, part: TableShape | CombinationShape) -> Iterator[Problem]:
    if part.min_party > part.max_party:
        yield (*path, "min_party"), "must be <= max_party"


def _closures(parts: Parts) -> Iterator[Problem]:
    shifts, areas = parts.names["shifts"], parts.names["areas"]
    seen: dict[tuple[date, str | None, str | None], int] = {}
    for number, closure in parts.closures.items():
        path = ("closures", number)
        if closure.shift is not None and closure.shift not in shifts:
            yield (*path, "shift"), f"there is no shift {closure.shift!r}"
        if closure.area is not None and closure.area not in areas:
            yield (*path, "area"), f"there is no area {closure.area!r}"
        wrong = list(_closed_dates(path, closure))
        yield from wrong
        place = closure.shift, closure.area
        again = [day for day in ([] if wrong else closure.dates()) if (day, *place) in seen]
        if again:
            name = "date" if closure.date else "from"
            other = seen[again[0], *place]
            yield (*path, name), f"{again[0]} is already in closures[{other}]"
        seen |= {(day, *place): number for day in closure.dates()}


def _closed_dates(path: KeyPath, closure: ClosureShape) -> Iterator[Problem]:
    """Check that a closure has one date, or a first and a last one."""
    begin, end = closure.first, closure.until
    if closure.date is not None:
        if begin or end:
            yield (*path, "date"), "cannot be combined with from and until"
    elif begin is None or end is None:
        yield path, "needs a date, or from and until (the last day closed)"
    elif not 0 <= (end - begin).days < LONGEST_CLOSURE:
        words = f"must not be before from, nor {LONGEST_CLOSURE} days after it"
        yield (*path, "until"), words


def _date_pacing(parts: Parts) -> Iterator[Problem]:
    seen: list[tuple[int, DatePacing]] = []
    for number, shape in parts.pacing.items():
        path = ("pacing", number)
        if not shape.limits():
            yield path, "needs covers, parties or online_covers"
        until = shape.first if shape.until is None else shape.until
        own = DatePacing(shape.date, shape.first, until, ())
        for other, known in seen:
            both = known.on_date == own.on_date
            if both and (known.covers(own.first) or own.covers(known.first)):
                yield (*path, "from"), f"overlaps pacing[{other}]"
        seen.append((number, own))


def _approval(parts: Parts) -> Iterator[Problem]:
    for number, each in parts.approval.items():
        for name, key in (("shift", each.shift), ("area", each.area)):
            if key is not None and key not in parts.names[f"{name}s"]:
                yield ("approval", number, name), f"there is no {name} {key!r}"


CHECKS: Final[tuple[Callable[[Parts], Iterator[Problem]], ...]] = (
    _policies,
    _no_twins,
    _floor,
    _turns_of_areas,
    check_shifts,
    check_overlaps,
    _closures,
    _date_pacing,
    _approval,
)


def relations(document: Mapping[str, Any]) -> list[Problem]:
    """Return all problems between the parts of the parsed file."""
    parts = parts_of(document)
    found = [problem for check in CHECKS for problem in check(parts)]
    return [*check_capacity(document), *found]
