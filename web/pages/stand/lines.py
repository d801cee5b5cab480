"""The book of a day as the stand shows it: one line for each party, in sections, and the covers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from models.queries.book.shapes import BookReservation, BookView
from models.rules.reservations.lifecycle import DOOR, Status
from models.rules.restaurant.restaurant import RestaurantSpec
from tasks.messaging.templates.wording import Wording, local

#: Until this hour the stand shows the evening that began the day before.
DAY_BEGINS: Final = timedelta(hours=5)
#: The next natural step of a party, as a verb of the API.
NEXT_STEP: Final = {
    Status.CONFIRMED: "arrive",
    Status.ARRIVED: "seat",
    Status.SEATED: "finish",
    Status.WAITLISTED: "confirm",
}
GONE: Final = frozenset({Status.FINISHED, Status.NO_SHOW, Status.CANCELLED})
#: the states that each section of the list shows, in the order of the page
SECTIONS: Final = {
    "here": frozenset({Status.ARRIVED}),
    "coming": frozenset({Status.CONFIRMED, Status.REQUESTED}),
    "seated": frozenset({Status.SEATED}),
    "waitlist": frozenset({Status.WAITLISTED}),
    "gone": GONE,
}
#: a party at its table is "nearly over" for this long before the end of its turn
_NEARLY: Final = 15


@dataclass(frozen=True, slots=True)
class BookLine:
    """One party as the list shows it."""

    row: BookReservation
    time: str
    ends: str
    area: str
    step: str | None
    #: minutes since it was due, arrived or should have left; negative: until then
    minutes: int
    #: `late`, `over`, `soon` or empty: how urgent those minutes are
    urgency: str
    #: what the search looks through: name, digits, reference, tables
    search: str

    @property
    def section(self) -> str:
        """The key of its section; empty if the list does not show it."""
        return next((key for key, held in SECTIONS.items() if self.row.status in held), "")


def service_date(restaurant: RestaurantSpec, now: datetime) -> date:
    """Return the date whose book the stand shows now."""
    return (local(now, zone=restaurant.zone) - DAY_BEGINS).date()


def lines_of(
    restaurant: RestaurantSpec, view: BookView, said: Wording, *, now: datetime
) -> list[BookLine]:
    """Return a line for each reservation that the list shows, in the order of their starts."""
    shown = [
        row for row in view.reservations if any(row.status in each for each in SECTIONS.values())
    ]
    return [_line(restaurant, row, said, now=now) for row in shown]


def sections_of(lines: Iterable[BookLine]) -> dict[str, list[BookLine]]:
    """Return the lines of each section, the most urgent first."""
    found: dict[str, list[BookLine]] = {key: [] for key in SECTIONS}
    for line in lines:
        found[line.section].append(line)
    for key, order in _ORDER.items():
        found[key].sort(key=order)
    return found


def _by_arrival(line: BookLine) -> tuple[Any, ...]:
    return (line.row.arrived_at or line.row.starts_at, line.row.id)


def _by_end(line: BookLine) -> tuple[Any, ...]:
    return (line.row.ends_at, line.row.id)


def _last_first(line: BookLine) -> tuple[Any, ...]:
    return (-line.row.starts_at.timestamp(), line.row.id)


_ORDER: Final[dict[str, Callable[[BookLine], Any]]] = {
    "here": _by_arrival,
    "seated": _by_end,
    "gone": _last_first,
}


def _line(
    restaurant: RestaurantSpec, row: BookReservation, said: Wording, *, now: datetime
) -> BookLine:
    area = restaurant.area_by_key.get(row.area_key or "")
    minutes, urgency = _minutes(row, now)
    digits = "".join(filter(str.isdigit, row.guest_phone or ""))
    words = (row.guest_name.casefold(), digits, row.reference.casefold(), *row.tables)
    return BookLine(
        row=row,
        time=said.time(local(row.starts_at, zone=restaurant.zone)),
        ends=said.time(local(row.ends_at, zone=restaurant.zone)),
        area=area.name if area else "",
        step="seat"
        if row.source == DOOR and row.status is Status.WAITLISTED
        else NEXT_STEP.get(row.status),
        minutes=minutes,
        urgency=urgency,
        search=" ".join(filter(None, words)),
    )


def _minutes(row: BookReservation, now: datetime) -> tuple[int, str]:
    """Return the minutes that matter in this state, and how urgent they are."""
    if row.status is Status.CONFIRMED:
        late = _since(row.starts_at, now)
        return late, "late" if late > 0 else ""
    if row.status is Status.ARRIVED:
        return _since(row.arrived_at or row.starts_at, now), ""
    if row.status is Status.SEATED:
        over = _since(row.ends_at, now)
        return over, "over" if over > 0 else "soon" if over > -_NEARLY else ""
    if row.status is Status.WAITLISTED and row.source == DOOR:
        return _since(row.created_at, now), ""
    return 0, ""


def _since(moment: datetime, now: datetime) -> int:
    return int((now - moment).total_seconds() // 60)
