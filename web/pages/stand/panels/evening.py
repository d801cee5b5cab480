"""/stand/{slug}/evening: blocks, online booking, closing and cancelling; and who did what."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response

from models.core import clock
from models.core.database.transactions import reading
from models.queries.accounts.accounts import Caller
from models.queries.book.blocks import block_times, blocks_of
from models.queries.book.shapes import BookTable, BookView
from models.queries.evening.acts import ActView, acts_of
from models.rules.permissions import Permission
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from models.rules.restaurant.sittings import day_quarters, quarter_of, sittings_on
from tasks.messaging.templates.wording import local
from web.http.access import staff_at_restaurant
from web.pages.stand.book_list import read_book
from web.pages.stand.limits import area_of, moments_of, stored_limits
from web.pages.stand.lines import lines_of, times_of, waits_at_door
from web.pages.stand.page import register_stand, render_stand, wording_of
from web.pages.stand.sections import shift_now, shown_sections

blueprint = APIBlueprint("stand_evening", __name__, enable_openapi=False)
register_stand(blueprint)

#: states of parties that are still to come, and may be cancelled together
_TO_COME: Final = frozenset({Status.CONFIRMED, Status.REQUESTED, Status.WAITLISTED})


@dataclass(frozen=True, slots=True)
class ShiftState:
    """A shift, its starts that are not over, and what is limited in it: (kind, from, covers)."""

    key: str
    name: str
    starts: list[datetime]
    limits: list[tuple[str, datetime, int]]


@blueprint.get("/stand/<slug:slug>/evening")
@staff_at_restaurant(Permission.READ_BOOK)
def show(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Show what is blocked, stopped and closed on that day, and what a host may do about it."""
    now = clock.now()
    view = read_book(restaurant, caller, now=now)
    lines = lines_of(restaurant, view, wording_of(restaurant), now=now)
    may = {name: caller.has(restaurant.id, needed) for name, needed in _NEEDED.items()}
    return render_stand(
        "evening.html",
        restaurant,
        day=view.service_date.isoformat(),
        revision=view.revision,
        areas=list(_areas(restaurant, view)),
        times=_times(restaurant, view, now),
        opens=_opens(restaurant, view.service_date, now),
        to_come=[x for x in lines if x.row.status in _TO_COME and not waits_at_door(x.row)],
        at=times_of(restaurant, wording_of(restaurant)),
        on=moments_of(restaurant, view, wording_of(restaurant)),
        may=may,
        servers=shown_sections(restaurant, view, now=now),
        shift_now=shift_now(restaurant, view, now),
        **_stored(restaurant, view, now),
    )


_NEEDED: Final = {
    "block": Permission.BLOCK_TABLES,
    "stop": Permission.STOP_ONLINE,
    "close": Permission.CLOSE_BOOKS,
    "divide": Permission.DIVIDE_TABLES,
}


def _areas(
    restaurant: RestaurantSpec, view: BookView
) -> Iterator[tuple[str, str, list[BookTable]]]:
    """Yield each area with its tables: key, name, tables."""
    for area in restaurant.areas:
        tables = [table for table in view.tables if table.area_key == area.key]
        if tables:
            yield area.key, area.name, tables


def _times(restaurant: RestaurantSpec, view: BookView, now: datetime) -> list[datetime]:
    """Return the half hours of the day's service from now on."""
    first, last = day_quarters(restaurant, view.service_date)
    sittings = sittings_on(restaurant, view.service_date)
    opens = min((each.starts[0] for each in sittings), default=first)
    begins = max(first, opens - 4, quarter_of(now) + 1)
    return [_moment(each) for each in range(begins, last + 1) if each % 2 == 0]


def _opens(restaurant: RestaurantSpec, day: date, now: datetime) -> str:
    """Return when a later day begins, as a form takes it; empty on a day that has begun."""
    first, _last = day_quarters(restaurant, day)
    opens = min((each.starts[0] for each in sittings_on(restaurant, day)), default=first)
    if first <= quarter_of(now):
        return ""
    return local(_moment(opens), zone=restaurant.zone).isoformat(timespec="minutes")[:16]


def _stored(restaurant: RestaurantSpec, view: BookView, now: datetime) -> dict[str, Any]:
    with reading() as session:
        blocks = [
            (each.id, area_of(restaurant, each.labels), each.labels, each.reason, *span)
            for each in blocks_of(session, restaurant, view.service_date)
            for span in [block_times(each)]
        ]
        acts: list[ActView] = acts_of(session, restaurant.id, view.service_date)
    return {
        "blocks": [each for each in blocks if each[-1] > now],
        "shifts": list(_shifts(restaurant, view, stored_limits(view), now)),
        "acts": list(reversed(acts)),
    }


def _shifts(
    restaurant: RestaurantSpec,
    view: BookView,
    limits: list[tuple[int, str, datetime, int]],
    now: datetime,
) -> Iterator[ShiftState]:
    first = quarter_of(now)
    starts = {each.book_id: each.starts for each in sittings_on(restaurant, view.service_date)}
    for shift in view.shifts:
        later = [_moment(each) for each in starts.get(shift.book_id, ()) if each >= first]
        own = [(kind, at, covers) for book, kind, at, covers in limits if book == shift.book_id]
        yield ShiftState(shift.key, shift.name, later, own)


def _moment(quarter: int) -> datetime:
    return datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC)
