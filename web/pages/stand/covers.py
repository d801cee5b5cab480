"""The covers of an evening: now, to come, in all, and by interval as bars."""

from dataclasses import dataclass
from typing import Final

from models.queries.book.shapes import BookShift, BookView
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
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
