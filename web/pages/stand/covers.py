"""The covers of an evening: now, to come, in all, and by interval as bars; how many more fit."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from models.core.database.transactions import reading
from models.queries.book.shapes import BookShift, BookView
from models.queries.deciding.covers import covers_present
from models.rules.deciding.at_the_door import sitting_now
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.covers import most_covers
from models.rules.restaurant.restaurant import RestaurantSpec, ShiftSpec
from models.rules.restaurant.sittings import find_sitting, quarter_of
from models.rules.restaurant.turn_times import held_quarters
from tasks.messaging.templates.wording import Wording, local

#: height of the bars' drawing
HEIGHT: Final = 36
_COUNTED: Final = {
    "seated": Status.SEATED,
    "here": Status.ARRIVED,
    "coming": Status.CONFIRMED,
    "left": Status.FINISHED,
}


@dataclass(frozen=True, slots=True)
class Covers:
    """The covers and parties in one state."""

    covers: int
    parties: int


@dataclass(frozen=True, slots=True)
class Bar:
    """The covers that start in one interval; `height` in the units of the drawing."""

    time: str
    covers: int
    limit: int | None
    height: int

    @property
    def is_full(self) -> bool:
        """Whether the pacing limit is reached."""
        return self.limit is not None and self.covers >= self.limit


@dataclass(frozen=True, slots=True)
class ShiftBars:
    """One shift, its total and its bars."""

    name: str
    covers: int
    bars: list[Bar]
    #: height of the line of the pacing limit, if it is in the drawing
    limit_at: int | None


def covers_of(view: BookView) -> dict[str, Covers]:
    """Return the covers by state: seated, here, coming, left."""
    rows = {key: [r for r in view.reservations if r.status is s] for key, s in _COUNTED.items()}
    return {
        key: Covers(sum(row.party_size for row in found), len(found)) for key, found in rows.items()
    }


def bars_of(restaurant: RestaurantSpec, view: BookView, said: Wording) -> list[ShiftBars]:
    """Return the bars of each shift of the day."""
    return [_bars(restaurant, shift, said) for shift in view.shifts if shift.intervals]


def _bars(restaurant: RestaurantSpec, shift: BookShift, said: Wording) -> ShiftBars:
    limit = shift.pacing.covers
    highest = max([each.covers for each in shift.intervals] + [limit or 0, 1])
    bars = [
        Bar(
            said.time(local(each.starts_at, zone=restaurant.zone)),
            each.covers,
            each.pacing.covers,
            round(each.covers * HEIGHT / highest),
        )
        for each in shift.intervals
    ]
    at = None if limit is None else HEIGHT - round(limit * HEIGHT / highest)
    return ShiftBars(shift.name, shift.covers, bars, at)


# --- without tables


@dataclass(frozen=True, slots=True)
class CoversOf:
    """The covers in the restaurant, or those that are free for a turn; of so many."""

    covers: int
    most: int


def covers_now(restaurant: RestaurantSpec, *, now: datetime) -> CoversOf | None:
    """Return the covers that are here or due now; None for a restaurant with tables."""
    if restaurant.covers is None:
        return None
    quarter, shift = quarter_of(now), _shift_at(restaurant, now)
    with reading() as session:
        there = covers_present(session, restaurant, first=quarter, last=quarter, now=now)
    return CoversOf(there[quarter], most_covers(restaurant, shift) or 0)


def room_at(
    restaurant: RestaurantSpec, starts: Iterable[datetime], *, party_size: int, now: datetime
) -> dict[datetime, CoversOf]:
    """Return the covers that are free from each start for a whole turn of such a party.

    One query. Empty for a restaurant with tables.
    """
    quarters = {start: quarter_of(start) for start in starts}
    if restaurant.covers is None or not quarters:
        return {}
    first, last = min(quarters.values()), max(quarters.values())
    held = {start: _held(restaurant, start, party_size) for start in quarters}
    last += max(held.values()) - 1
    with reading() as session:
        there = covers_present(session, restaurant, first=first, last=last, now=now)
    found = {}
    for start, quarter in quarters.items():
        most = most_covers(restaurant, _shift_at(restaurant, start)) or 0
        fullest = max(there[each] for each in range(quarter, quarter + held[start]))
        found[start] = CoversOf(max(most - fullest, 0), most)
    return found


def _held(restaurant: RestaurantSpec, start: datetime, party_size: int) -> int:
    shift = _shift_at(restaurant, start)
    return held_quarters(restaurant.policies, shift, party_size=party_size) if shift else 1


def _shift_at(restaurant: RestaurantSpec, moment: datetime) -> ShiftSpec | None:
    sitting = find_sitting(restaurant, moment) or sitting_now(restaurant, quarter_of(moment))
    return sitting.shift if sitting else None
