"""Walk-in and booking by the staff: size, then table or time, then who. One panel each."""

from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import Response, request

from models.core import clock
from models.queries.accounts.accounts import Caller
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from tasks.messaging.templates.wording import local
from web.http.access import staff_at_restaurant
from web.pages.stand.book_list import read_book
from web.pages.stand.covers import room_at
from web.pages.stand.page import register_stand, render_stand, wording_of
from web.pages.stand.panels.free_tables import starts_for, tables_for

blueprint = APIBlueprint("stand_new", __name__, enable_openapi=False)
register_stand(blueprint)

#: the sizes that are one tap away
SIZES = range(1, 13)


@blueprint.get("/stand/<slug:slug>/walk-in")
@staff_at_restaurant(Permission.WRITE_RESERVATIONS)
def walk_in(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Ask for the size; then show the tables that are free now."""
    now, size, table = clock.now(), _size(), request.args.get("table", "")[:32]
    if not size:
        return render_stand("walk_in.html", restaurant, sizes=SIZES, size=0, table=table)
    view = read_book(restaurant, caller, now=now)
    quarter = int(now.timestamp()) // QUARTER_SECONDS * QUARTER_SECONDS
    start = datetime.fromtimestamp(quarter, UTC)
    return render_stand(
        "walk_in.html",
        restaurant,
        sizes=SIZES,
        size=size,
        table=table,
        may_force=caller.has(restaurant.id, Permission.FORCE_PACING),
        may_squeeze=caller.has(restaurant.id, Permission.SQUEEZE_PARTIES),
        room=room_at(restaurant, [start], party_size=size, now=now).get(start),
        proposal=tables_for(
            restaurant, view, party_size=size, starts_at=start, now=now, first=table
        ),
        at=lambda moment: _time(restaurant, moment),
    )


@blueprint.get("/stand/<slug:slug>/booking")
@staff_at_restaurant(Permission.WRITE_RESERVATIONS)
def booking(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Ask for the size; then show the day's times; then ask who it is."""
    now, size, start = clock.now(), _size(), _start()
    if not size:
        return render_stand("booking.html", restaurant, sizes=SIZES, size=0, day=_day())
    view = read_book(restaurant, caller, now=now)
    shifts = starts_for(restaurant, view, party_size=size, now=now)
    proposal = start and tables_for(restaurant, view, party_size=size, starts_at=start, now=now)
    return render_stand(
        "booking.html",
        restaurant,
        sizes=SIZES,
        size=size,
        day=view.service_date.isoformat(),
        shifts=shifts,
        start=start,
        chosen=next((s for _, found in shifts for s in found if s.starts_at == start), None),
        proposal=proposal,
        may_force=caller.has(restaurant.id, Permission.FORCE_PACING),
        may_squeeze=caller.has(restaurant.id, Permission.SQUEEZE_PARTIES),
        may_find=caller.has(restaurant.id, Permission.FIND_GUESTS),
        at=lambda moment: _time(restaurant, moment),
    )


def _size() -> int:
    text = request.args.get("size", "")
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 4 else 0


def _start() -> datetime | None:
    try:
        found = datetime.fromisoformat(request.args.get("start", ""))
    except ValueError:
        return None
    return found if found.tzinfo else None


def _day() -> str:
    return request.args.get("date", "")[:10]


def _time(restaurant: RestaurantSpec, moment: datetime) -> str:
    return wording_of(restaurant).time(local(moment, zone=restaurant.zone))
