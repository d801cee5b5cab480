"""/stand/{slug}/timeline: tables by time, parties as bars, the pacing below."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apiflask import APIBlueprint
from flask import Response

from models.core import clock
from models.queries.accounts.accounts import Caller
from models.queries.book.shapes import BookReservation, BookTable, BookView
from models.rules.permissions import Permission
from models.rules.reservations.lifecycle import PACED, Status
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from models.rules.restaurant.sittings import quarter_of, sittings_on
from tasks.messaging.templates.wording import Wording, local
from web.http.access import staff_at_restaurant
from web.pages.stand.book_list import frame_facts, read_book
from web.pages.stand.known import known_guests
from web.pages.stand.lines import BookLine, lines_of
from web.pages.stand.page import register_stand, render_stand, to_list, wording_of

blueprint = APIBlueprint("stand_timeline", __name__, enable_openapi=False)
register_stand(blueprint)

#: quarters that are shown of a day without a shift
_EMPTY_DAY = 32


@dataclass(frozen=True, slots=True)
class PartyBar:
    """A party at a table. `begins` and `ends` are quarters since the beginning of the page."""

    line: BookLine
    begins: float
    ends: float
    #: 0, or the place below parties that overlap it
    lane: int


@dataclass(frozen=True, slots=True)
class TableRow:
    """A table and its bars."""

    table: BookTable
    area: str
    bars: list[PartyBar]
    #: the times for which it is blocked: begin, end, reason
    blocks: list[tuple[float, float, str]]

    @property
    def lanes(self) -> int:
        """How many bars stand below one another at most."""
        return max((bar.lane for bar in self.bars), default=0) + 1


@blueprint.get("/stand/<slug:slug>/timeline")
@staff_at_restaurant(Permission.READ_BOOK)
def show(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Show the timeline. Audited like every look at the book."""
    if restaurant.covers is not None:  # it has no tables to show
        return to_list(restaurant)
    now = clock.now()
    view = read_book(restaurant, caller, now=now)
    said = wording_of(restaurant)
    first, last = _span(restaurant, view)
    known = known_guests(restaurant, caller, view)
    parties = lines_of(restaurant, view, said, now=now, known=known)
    lines = {line.row.id: line for line in parties}
    covers = {each.starts_at: each for shift in view.shifts for each in shift.intervals}
    return render_stand(
        "timeline.html",
        restaurant,
        rows=[_row(restaurant, table, lines, first, last - first, now) for table in view.tables],
        homeless=[line for line in lines.values() if _has_no_table(line.row)],
        first=first * QUARTER_SECONDS,
        quarters=last - first,
        hours=_hours(restaurant, said, first, last),
        loads=[covers.get(_moment(each)) for each in range(first, last)],
        **frame_facts(restaurant, caller, view, said, now=now, shown="timeline"),
    )


def _span(restaurant: RestaurantSpec, view: BookView) -> tuple[int, int]:
    """Return the first quarter of the page and the one after its last, on whole hours."""
    sittings = sittings_on(restaurant, view.service_date)
    rows = [row for row in view.reservations if row.status in PACED]
    begins = [each.starts[0] for each in sittings] + [quarter_of(row.starts_at) for row in rows]
    ends = [each.closes or each.starts[-1] + 8 for each in sittings]
    ends += [quarter_of(row.ends_at - timedelta(seconds=1)) + 1 for row in rows]
    if not begins:
        noon = datetime(*view.service_date.timetuple()[:3], 12, tzinfo=restaurant.tz)
        return quarter_of(noon), quarter_of(noon) + _EMPTY_DAY
    return min(begins) // 4 * 4, -(-max(ends) // 4) * 4


def _hours(
    restaurant: RestaurantSpec, said: Wording, first: int, last: int
) -> list[tuple[int, str]]:
    return [
        (each - first, said.time(local(_moment(each), zone=restaurant.zone)))
        for each in range(first, last, 4)
    ]


def _row(
    restaurant: RestaurantSpec,
    table: BookTable,
    lines: dict[int, BookLine],
    first: int,
    quarters: int,
    now: datetime,
) -> TableRow:
    area = restaurant.area_by_key.get(table.area_key or "")
    last = first + quarters  # a block may last longer than what the page shows
    blocks = [
        (
            _place(each.starts_at, first),
            _place(min(each.ends_at, _moment(last)), first),
            each.reason,
        )
        for each in table.blocks
    ]
    shown = [lines[each.reservation_id] for each in table.seatings if each.reservation_id in lines]
    return TableRow(table, area.name if area else "", list(_bars(shown, first, now)), blocks)


def _bars(lines: Iterable[BookLine], first: int, now: datetime) -> Iterable[PartyBar]:
    ends_of_lanes: list[datetime] = []
    for line in sorted(lines, key=lambda each: each.row.starts_at):
        begins, ends = line.row.starts_at, _end_of(line.row, now)
        lane = next((n for n, end in enumerate(ends_of_lanes) if end <= begins), None)
        if lane is None:
            lane = len(ends_of_lanes)
            ends_of_lanes.append(ends)
        ends_of_lanes[lane] = ends
        yield PartyBar(line, _place(begins, first), _place(ends, first), lane)


def _end_of(row: BookReservation, now: datetime) -> datetime:
    """Return the end of the bar: a party past its turn reaches until now."""
    if row.status is Status.FINISHED and row.finished_at:
        return max(min(row.finished_at, row.ends_at), row.starts_at + timedelta(minutes=15))
    return max(row.ends_at, now) if row.status is Status.SEATED else row.ends_at


def _place(moment: datetime, first: int) -> float:
    return round(moment.timestamp() / QUARTER_SECONDS - first, 2)


def _moment(quarter: int) -> datetime:
    return datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC)


def _has_no_table(row: BookReservation) -> bool:
    return row.status in (Status.CONFIRMED, Status.ARRIVED) and not row.tables
