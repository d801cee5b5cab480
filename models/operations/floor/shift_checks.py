"""Checks of a file's shifts: hours, turns, and no start in two shifts."""

from collections.abc import Iterator
from datetime import date, time
from itertools import combinations
from typing import Final

from models.core.toml_lines import KeyPath
from models.operations.floor.fields import DAYS
from models.operations.floor.parts import Parts, Problem
from models.operations.floor.shapes import ShiftShape
from models.rules.restaurant.policy_storage import turn_times_to
from models.rules.restaurant.restaurant import DEFAULT_TURN_TIMES

_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
#: A longer shift is taken for a mistake: a time before `first` is after midnight.
LONGEST_SHIFT: Final = 18 * 60
LONGEST_TURN: Final = 12 * 60
_DEFAULT_ROWS: Final = turn_times_to(DEFAULT_TURN_TIMES)


def check_turn_times(path: KeyPath, rows: list[list[int]] | None) -> Iterator[Problem]:
    """Check that the rows rise and lie on the grid."""
    before = 0
    for number, (up_to, minutes) in enumerate(rows or []):
        here = (*path, "turn_times", number)
        if up_to <= before:
            yield here, "party sizes must rise from row to row"
        if minutes % 15 or minutes > LONGEST_TURN:
            yield here, f"minutes must be a multiple of 15, at most {LONGEST_TURN}"
        before = up_to


def check_shifts(parts: Parts) -> Iterator[Problem]:
    """Check each shift by itself."""
    for number, shift in parts.shifts.items():
        path = ("shifts", number)
        yield from check_turn_times(path, shift.turn_times)
        wrong = list(_hours(path, shift))
        own = [row for area in parts.areas.values() for row in area.turn_times or ()]
        usual = shift.turn_times or parts.policies.turn_times or _DEFAULT_ROWS
        yield from wrong or _never_had(path, shift, [*usual, *own])
        if shift.on_date is not None:
            for name in ("days", "valid_from", "valid_until"):
                if getattr(shift, name) is not None:
                    yield (*path, name), "cannot be combined with on_date"
        if shift.added and shift.on_date is None:
            yield (*path, "added"), "needs on_date: special hours are added to one date"
        if shift.valid_from and shift.valid_until and shift.valid_until < shift.valid_from:
            yield (*path, "valid_until"), "must not be before valid_from"
        for place, day in enumerate(shift.days or []):
            if day in (shift.days or [])[:place]:
                yield (*path, "days", place), f"{day} is listed twice"


def _hours(path: KeyPath, shift: ShiftShape) -> Iterator[Problem]:
    """Check a shift's hours. One may fill a whole day; past midnight, a long one is a mistake."""
    wrong = False
    for name, wall in (("last", shift.last), ("ends", shift.ends)):
        minutes = _after(shift.first, wall)
        if wall == time() or not minutes > LONGEST_SHIFT or wall > shift.first:
            continue
        wrong = True
        yield (
            (*path, name),
            f"is {minutes / 60:g} h after first (an earlier time is after midnight);"
            f" a shift lasts at most {LONGEST_SHIFT // 60} h past midnight",
        )
    if shift.first == shift.last == shift.ends == time():
        yield (*path, "last"), 'is the same as first: a shift around the clock has last = "23:45"'
    elif not wrong and _closes(shift) < _after(shift.first, shift.last):
        yield (*path, "ends"), "must not be before last"


def _never_had(path: KeyPath, shift: ShiftShape, rows: list[list[int]]) -> Iterator[Problem]:
    """Report a last seating that cannot be booked: the shift ends before the shortest turn."""
    turn = min(minutes for _, minutes in rows)
    late = _after(shift.first, shift.last) + turn - _closes(shift)
    if late > 0 and not shift.may_run_over:
        yield (
            (*path, "last"),
            f"can never be booked: the shortest turn is {turn} minutes, {late} more than until"
            " ends; seat earlier, end later, or write may_run_over = true",
        )


def _closes(shift: ShiftShape) -> int:
    """Return the minutes from first to ends; ends equal to first is a day later."""
    return _after(shift.first, shift.ends) or _DAY


def _after(first: time, other: time) -> int:
    """Return the minutes from `first` to `other`, which is after midnight if it is earlier."""
    return (_minutes(other) - _minutes(first)) % _DAY


def _minutes(wall: time) -> int:
    return wall.hour * 60 + wall.minute


def check_overlaps(parts: Parts) -> Iterator[Problem]:
    """Check that no start belongs to two shifts."""
    likely = [each for each in parts.shifts.items() if not list(_hours((), each[1]))]
    for (_, one), (number, other) in combinations(likely, 2):
        if not _run_together(one, other):
            continue
        day = _shared_day(one, other)
        if day is not None:
            date_ = one.on_date or other.on_date
            where = f"on {date_}" if date_ else f"on {day}"
            yield ("shifts", number, "first"), f"its seatings overlap those of {one.key!r} {where}"


def _run_together(one: ShiftShape, other: ShiftShape) -> bool:
    """Return whether both may run on the same days."""
    if one.on_date is None and other.on_date is None:
        return _share_dates(one, other)
    if one.on_date is not None and other.on_date is not None:
        return one.on_date == other.on_date
    special, regular = (one, other) if one.on_date else (other, one)
    day = special.on_date or date.min
    runs = (regular.valid_from or day) <= day <= (regular.valid_until or day)
    return special.added and runs and DAYS[day.weekday()] in (regular.days or DAYS)


def _share_dates(one: ShiftShape, other: ShiftShape) -> bool:
    begins = max(one.valid_from or date.min, other.valid_from or date.min)
    return begins <= min(one.valid_until or date.max, other.valid_until or date.max)


def _shared_day(one: ShiftShape, other: ShiftShape) -> str | None:
    """Return the first day on which both would seat at the same minute."""
    for begin, end, day in _seatings(one):
        for their_begin, their_end, _ in _seatings(other):
            for week in (-_WEEK, 0, _WEEK):
                if begin <= their_end + week and their_begin + week <= end:
                    return day
    return None


def _seatings(shift: ShiftShape) -> Iterator[tuple[int, int, str]]:
    days = [DAYS[shift.on_date.weekday()]] if shift.on_date else shift.days or list(DAYS)
    for day in days:
        begin = DAYS.index(day) * _DAY + _minutes(shift.first)
        yield begin, begin + _after(shift.first, shift.last), day
