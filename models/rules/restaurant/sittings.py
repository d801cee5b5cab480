"""Sittings: the starts that each shift offers on a date, in any zone, across DST changes.

Starts are UTC quarters (epoch seconds // 900), so they stay right where wall clocks jump.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from models.rules.restaurant.restaurant import (
    BOOKS_PER_SHIFT,
    QUARTER_SECONDS,
    RestaurantSpec,
    ShiftSpec,
    book_id,
)
from models.rules.restaurant.turn_times import longest_held_quarters

_DAY = timedelta(days=1)
_EPOCH = date(1970, 1, 1)
#: The last quarter (in 2243) for which book numbers (`book_id`) are unique.
LAST_QUARTER = BOOKS_PER_SHIFT * 96 - 1
#: Dates cached for each restaurant before the cache is cleared.
_MEMO_DATES = 1_000
_MEMO = "_sittings"
_NONE: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Sitting:
    """One book and its offer: `starts` are UTC quarters, strictly ascending, never empty.

    By the beginning of the quarter `closes` every party has left; None: the last turns may run
    over.
    """

    book_id: int
    shift: ShiftSpec
    service_date: date
    starts: tuple[int, ...]
    closes: int | None = None


def quarter_of(moment: datetime) -> int:
    """The UTC quarter in which the aware `moment` lies."""
    return int(moment.timestamp() // QUARTER_SECONDS)


def local(restaurant: RestaurantSpec, quarter: int) -> datetime:
    """The beginning of a UTC quarter, aware, by the restaurant's wall clock. For display only.

    Do not compare it: in a repeated hour Python never considers it equal to the same moment in UTC
    (PEP 495).
    """
    return datetime.fromtimestamp(quarter * QUARTER_SECONDS, restaurant.tz)


def last_quarter_of(restaurant: RestaurantSpec, day: date) -> int:
    """The last UTC quarter that begins on a date of the restaurant's calendar."""
    return _last_quarter_of(restaurant.zone, day)


def sittings_on(restaurant: RestaurantSpec, service_date: date) -> tuple[Sitting, ...]:
    """The sittings of a date, in order of the first start. Cached with the restaurant value.

    Special hours replace that date's regular shifts or are added; closures remove shifts. Wall
    times that do not exist are not offered, repeated ones are offered twice. A start that two
    shifts would offer belongs to the one that opens first, so every start has exactly one book.
    """
    memo = _memo(restaurant)
    found = memo.by_date.get(service_date)
    return (
        memo.keep(service_date, _open_books(restaurant, service_date)) if found is None else found
    )


def find_sitting(restaurant: RestaurantSpec, starts_at: datetime) -> Sitting | None:
    """The sitting that offers exactly the aware `starts_at`, or None."""
    seconds = starts_at.timestamp()
    quarter = int(seconds // QUARTER_SECONDS)
    if seconds % QUARTER_SECONDS or not 0 <= quarter <= LAST_QUARTER:
        return None
    found = _memo(restaurant).by_start.get(quarter)
    if found is not None:
        return found
    today = local(restaurant, quarter).date()
    sittings = sittings_on(restaurant, today) + sittings_on(restaurant, today - _DAY)
    return next((sitting for sitting in sittings if quarter in sitting.starts), None)


def book_quarters(restaurant: RestaurantSpec, sitting: Sitting) -> tuple[int, int]:
    """First and last UTC quarter (both inclusive) that a seating of this book can touch."""
    own = [area.turn_times for area in restaurant.areas if area.turn_times]
    held = longest_held_quarters(restaurant.policies, sitting.shift, own)
    return sitting.starts[0], sitting.starts[-1] + held - 1


def day_quarters(restaurant: RestaurantSpec, service_date: date) -> tuple[int, int]:
    """First and last UTC quarter (both inclusive) of a date: the calendar's, and its books'."""
    spans = [book_quarters(restaurant, each) for each in sittings_on(restaurant, service_date)]
    first = last_quarter_of(restaurant, service_date - _DAY) + 1
    last = last_quarter_of(restaurant, service_date)
    return min([first, *(begin for begin, _ in spans)]), max([last, *(end for _, end in spans)])


def end_of_day(restaurant: RestaurantSpec, quarter: int) -> int:
    """The last quarter of the day of service that runs in `quarter`.

    Before the last party of the evening before must have left, that evening; else the local date.
    """
    today = local(restaurant, quarter).date()
    eve = max(
        (book_quarters(restaurant, each)[1] for each in sittings_on(restaurant, today - _DAY)),
        default=0,
    )
    return eve if quarter <= eve else day_quarters(restaurant, today)[1]


@dataclass(frozen=True, slots=True)
class _Memo:
    """Cache of one restaurant value: its sittings by date, and by each of their starts."""

    by_date: dict[date, tuple[Sitting, ...]] = field(default_factory=dict)
    by_start: dict[int, Sitting] = field(default_factory=dict)

    def keep(self, service_date: date, sittings: tuple[Sitting, ...]) -> tuple[Sitting, ...]:
        if len(self.by_date) >= _MEMO_DATES:
            self.by_date.clear()
            self.by_start.clear()
        self.by_date[service_date] = sittings
        self.by_start.update((start, sitting) for sitting in sittings for start in sitting.starts)
        return sittings


def _memo(restaurant: RestaurantSpec) -> _Memo:
    # Hashing a restaurant value is deep and costs more than the answer. So the cache is an
    # attribute of the value, like its cached properties, and goes when a new revision replaces it.
    memo: _Memo | None = restaurant.__dict__.get(_MEMO)
    if memo is None:
        memo = restaurant.__dict__.setdefault(_MEMO, _Memo())
    return memo


def _open_books(restaurant: RestaurantSpec, service_date: date) -> tuple[Sitting, ...]:
    if not 0 < (service_date - _EPOCH).days < BOOKS_PER_SHIFT:
        return ()
    taken = _starts_past_midnight(restaurant, service_date - _DAY)
    sittings = []
    for shift, starts in _offers(
        restaurant, shifts_on(restaurant, service_date), service_date=service_date
    ):
        own = tuple(start for start in starts if start not in taken)
        taken.update(own)
        if own:
            number = book_id(shift.id, service_date)
            closes = None if shift.may_run_over else _closes(restaurant, shift, service_date)
            sittings.append(Sitting(number, shift, service_date, own, closes))
    return tuple(sittings)


def _starts_past_midnight(restaurant: RestaurantSpec, service_date: date) -> set[int]:
    overnight = [shift for shift in shifts_on(restaurant, service_date) if shift.last < shift.first]
    offers = _offers(restaurant, overnight, service_date=service_date)
    return {start for _, starts in offers for start in starts}


def _offers(
    restaurant: RestaurantSpec, shifts: Iterable[ShiftSpec], *, service_date: date
) -> list[tuple[ShiftSpec, tuple[int, ...]]]:
    """The shifts that have starts on that date, with the starts; the first to open comes first."""
    offers = [(shift, _starts(restaurant, shift, service_date=service_date)) for shift in shifts]
    opening = [offer for offer in offers if offer[1]]
    return sorted(opening, key=lambda offer: (offer[1][0], offer[0].id))


def shifts_on(restaurant: RestaurantSpec, service_date: date) -> list[ShiftSpec]:
    """The shifts of a date, without closed ones.

    Special hours of the date replace the regular shifts, unless all of them are added to those.
    """
    special = [shift for shift in restaurant.shifts if shift.on_date == service_date]
    regular = [shift for shift in restaurant.shifts if runs_on(shift, service_date)]
    if all(shift.added for shift in special):
        special += regular
    closed = {closure.shift_key for closure in restaurant.closures if closure.covers(service_date)}
    if None in closed:
        return []
    return [shift for shift in special if shift.key not in closed]


def closed_areas(restaurant: RestaurantSpec, sitting: Sitting) -> frozenset[int]:
    """The ids of the areas that are closed in that sitting."""
    if not restaurant.area_closures:
        return _NONE
    keys = {
        each.area_key
        for each in restaurant.area_closures
        if each.covers(sitting.service_date, sitting.shift.key)
    }
    return frozenset(area.id for area in restaurant.areas if area.key in keys)


def areas_closed_at(restaurant: RestaurantSpec, starts_at: datetime) -> frozenset[int]:
    """The ids of the areas that are closed for a party that starts then."""
    sitting = find_sitting(restaurant, starts_at) if restaurant.area_closures else None
    return closed_areas(restaurant, sitting) if sitting else _NONE


def runs_on(shift: ShiftSpec, service_date: date) -> bool:
    """Whether this is a regular shift that runs on that date, unless special hours replace it."""
    return (
        shift.on_date is None
        and service_date.weekday() in shift.weekdays
        and (shift.valid_from is None or shift.valid_from <= service_date)
        and (shift.valid_until is None or service_date <= shift.valid_until)
    )


def _starts(restaurant: RestaurantSpec, shift: ShiftSpec, *, service_date: date) -> tuple[int, ...]:
    """The quarters whose wall time is on the shift's grid, from its first to its last seating."""
    first = datetime.combine(service_date, shift.first)
    last_date = service_date + _DAY * (shift.last < shift.first)
    last = datetime.combine(last_date, shift.last)
    step = timedelta(minutes=restaurant.policies.slot_minutes)
    begin, end = min(_readings(restaurant.tz, first)), max(_readings(restaurant.tz, last))
    if _offset(restaurant.tz, begin) == _offset(restaurant.tz, end):
        grid = range(begin, end + 1, step // timedelta(seconds=1))
        return tuple(second // QUARTER_SECONDS for second in grid if not second % QUARTER_SECONDS)
    # The clock changes in between: convert each quarter, so that gaps and repeats come out right.
    quarters = range(-(-begin // QUARTER_SECONDS), end // QUARTER_SECONDS + 1)
    walls = ((quarter, local(restaurant, quarter).replace(tzinfo=None)) for quarter in quarters)
    return tuple(
        quarter for quarter, wall in walls if first <= wall <= last and not (wall - first) % step
    )


def _closes(restaurant: RestaurantSpec, shift: ShiftSpec, service_date: date) -> int:
    """The quarter that begins when the shift ends; of a repeated wall time the later one."""
    day = service_date + _DAY * (shift.ends <= shift.first)
    return max(_readings(restaurant.tz, datetime.combine(day, shift.ends))) // QUARTER_SECONDS


def _offset(tz: ZoneInfo, seconds: int) -> timedelta | None:
    return datetime.fromtimestamp(seconds, tz).utcoffset()


def _readings(tz: ZoneInfo, wall: datetime) -> tuple[int, int]:
    """The two moments (epoch seconds) of a wall time; they differ only around a clock change."""
    early = wall.replace(tzinfo=tz, fold=0).timestamp()
    return int(early), int(wall.replace(tzinfo=tz, fold=1).timestamp())


@lru_cache(maxsize=4096)
def _last_quarter_of(zone: str, day: date) -> int:
    # If the clock skips or repeats midnight, the day ends at the later reading.
    midnight = datetime.combine(day + _DAY, time())
    return (max(_readings(ZoneInfo(zone), midnight)) - 1) // QUARTER_SECONDS
