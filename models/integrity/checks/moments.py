"""Check that a reservation's times agree with each other, with its moves, and with its book."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from models.integrity.finding import CheckedRestaurant, Files
from models.integrity.history_shapes import Line
from models.integrity.times import grid_moment, moment_of
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import BOOKS_PER_SHIFT, split_book_id
from models.rules.restaurant.sittings import find_sitting
from models.rules.restaurant.turn_times import possible_turns

#: Different clocks, or a wait for a lock, may reverse the order of two moves by this much.
DISORDER: Final = timedelta(minutes=2)
#: The longest use of a table: a day too late, and a turn.
_LONGEST: Final = timedelta(days=2)
#: A party before noon may belong to the book of the day before.
_NOON: Final = 12
_DAY: Final = timedelta(days=1)
#: States before the party is seated, in which it keeps the turn that was decided.
_UNSEATED: Final = frozenset({Status.REQUESTED, Status.WAITLISTED, Status.CONFIRMED})

Problem = tuple[str, str]


class Moments:
    """Finds problems with the times of reservations; results are cached, since starts are few."""

    def __init__(self, files: Files) -> None:
        self._restaurants = files.restaurants
        self._since = files.since()
        self._days: dict[tuple[int, int, str], str] = {}
        self._sittings: dict[tuple[int, int, str], str] = {}
        self._turns: dict[tuple[int, int, int], set[timedelta] | None] = {}

    def change_problem(self, restaurant_id: int, book: int, starts_at: str) -> str:
        """The problem with the book of a change request; empty if there is none."""
        restaurant = self._restaurants.get(restaurant_id)
        return _off_day(restaurant, book, starts_at) if restaurant else ""

    def problem(
        self, line: Line, times: Sequence[str], *, turn_chosen: bool = False
    ) -> Problem | None:
        """The broken rule, and how; None if there is none. `times`: those of its moves.

        `turn_chosen`: a host chose the end of its turn.
        """
        if text := _disorder(line, times):
            return "moves", text
        if not timedelta(0) < _span(line.starts_at, line.ends_at) <= _LONGEST:
            return "row", f"starts at {line.starts_at} but ends at {line.ends_at}"
        if line.status != Status.REQUESTED and not line.has_book:
            return "reference", "was decided, but its book has no row"
        restaurant = self._restaurants.get(line.restaurant_id)
        if restaurant is None:
            return None
        place = line.restaurant_id, line.book_id, line.starts_at
        if place not in self._days:
            self._days[place] = _off_day(restaurant, line.book_id, line.starts_at)
        text = self._days[place]
        if not text and self._is_of_today(line):
            text = self._off_file(restaurant, line, turn_chosen=turn_chosen)
        return ("book", text) if text else None

    def _is_of_today(self, line: Line) -> bool:
        """Whether it was decided by the restaurant's current file, not entered by the staff."""
        since = self._since[line.restaurant_id]
        at = line.decided_at or line.created_at
        return line.source == "online" and (not since or at > since)

    def _off_file(self, restaurant: CheckedRestaurant, line: Line, *, turn_chosen: bool) -> str:
        place = line.restaurant_id, line.book_id, line.starts_at
        if place not in self._sittings:
            self._sittings[place] = _off_sitting(restaurant, line)
        if self._sittings[place] or turn_chosen or line.status not in _UNSEATED:
            return self._sittings[place]
        return self._off_turn(restaurant, line)

    def _off_turn(self, restaurant: CheckedRestaurant, line: Line) -> str:
        shift_id = line.book_id // BOOKS_PER_SHIFT
        place = line.restaurant_id, shift_id, line.party_size
        if place not in self._turns:
            self._turns[place] = _turn(restaurant, shift_id, line.party_size)
        turns = self._turns[place]
        if turns is None or _span(line.starts_at, line.ends_at) in turns:
            return ""
        return f"has its table until {line.ends_at}, which is not its turn"


def _disorder(line: Line, times: Sequence[str]) -> str:
    before = line.created_at
    for after in times:
        if after < before and moment_of(before) - moment_of(after) > DISORDER:
            return f"has a move at {after} after one at {before}"
        before = after
    for at in (line.decided_at, line.arrived_at, line.seated_at):
        if at is not None and at not in times:
            return f"has the time {at}, but no move of that time"
    # a party that never left is finished at the end of its turn when the evening ends
    left = line.finished_at
    if left is not None and left not in times and left not in (line.ends_at, line.arrived_at):
        return f"has finished_at {left}, but no move of that time"
    return ""


@lru_cache(maxsize=100_000)
def _span(starts_at: str, ends_at: str) -> timedelta:
    return grid_moment(ends_at) - grid_moment(starts_at)


@lru_cache(maxsize=100_000)
def _wall(tz: ZoneInfo, starts_at: str) -> tuple[date, int]:
    """The local date and hour."""
    local = grid_moment(starts_at).astimezone(tz)
    return local.date(), local.hour


def _off_day(restaurant: CheckedRestaurant, book: int, starts_at: str) -> str:
    today, hour = _wall(restaurant.restaurant.tz, starts_at)
    try:
        day = split_book_id(book)[1]
    except (ValueError, OverflowError):
        return "is in a book whose number has no valid date"
    if day == today or (day == today - _DAY and hour < _NOON):
        return ""
    return f"is in the book of {day} but starts on {today}"


def _off_sitting(restaurant: CheckedRestaurant, line: Line) -> str:
    sitting = find_sitting(restaurant.restaurant, grid_moment(line.starts_at))
    if sitting is None:
        return f"starts at {line.starts_at}, outside of all shifts"
    if sitting.book_id != line.book_id:
        return f"is in book {line.book_id}, but its start belongs to book {sitting.book_id}"
    return ""


def _turn(restaurant: CheckedRestaurant, shift_id: int, party_size: int) -> set[timedelta] | None:
    """How long a party of that size may keep its table; None if there is no such shift."""
    shift = restaurant.restaurant.shift_by_id.get(shift_id)
    if shift is None:
        return None
    turns = possible_turns(restaurant.restaurant, shift, party_size=party_size)
    return {timedelta(minutes=each) for each in turns}
