"""/stand/{slug}: the evening as a list, with the next step of each party one tap away."""

from datetime import date, datetime, timedelta
from typing import Any

from apiflask import APIBlueprint
from babel.dates import format_skeleton
from flask import Response, request

from models.core import clock
from models.core.database.transactions import reading
from models.queries.accounts.accounts import Caller
from models.queries.book.book import book_of
from models.queries.book.shapes import BookView
from models.queries.reservations.approvals import count_for_approval
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from tasks.messaging.templates.wording import Wording
from web.api.access_log import audit_read
from web.http.access import staff_at_restaurant
from web.pages.stand.covers import HEIGHT, bars_of, covers_now, covers_of
from web.pages.stand.known import known_guests
from web.pages.stand.limits import limits_said
from web.pages.stand.lines import lines_of, sections_of, service_date
from web.pages.stand.page import register_stand, render_stand, wording_of

blueprint = APIBlueprint("stand_list", __name__, enable_openapi=False)
register_stand(blueprint)


@blueprint.get("/stand/<slug:slug>")
@staff_at_restaurant(Permission.READ_BOOK)
def show(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Show the list. Audited like every look at the book."""
    now = clock.now()
    view = read_book(restaurant, caller, now=now)
    said = wording_of(restaurant)
    known = known_guests(restaurant, caller, view)
    lines = lines_of(restaurant, view, said, now=now, known=known)
    return render_stand(
        "list.html",
        restaurant,
        sections=sections_of(lines),
        requests_waiting=_requests_waiting(restaurant),
        warned=[line for line in lines if line.row.warnings],
        **frame_facts(restaurant, caller, view, said, now=now, shown="list"),
    )


def _requests_waiting(restaurant: RestaurantSpec) -> int:
    with reading() as session:
        return count_for_approval(session, restaurant.id)


def read_book(
    restaurant: RestaurantSpec, caller: Caller, *, now: datetime, with_messages: bool = False
) -> BookView:
    """Return the book of the date in the address, by default today's. Audited."""
    day = _day(restaurant, now)
    audit_read(restaurant.id, caller.actor, "book.read", day.isoformat())
    with reading() as session:
        return book_of(session, restaurant, day, now=now, with_messages=with_messages)


def frame_facts(
    restaurant: RestaurantSpec,
    caller: Caller,
    view: BookView,
    said: Wording,
    *,
    now: datetime,
    shown: str,
) -> dict[str, Any]:
    """Return what every view of the evening shows around it."""
    day, today = view.service_date, service_date(restaurant, now)
    return {
        "shown": shown,
        "view": view,
        "day": day.isoformat(),
        "day_text": format_skeleton("MMMEd", day, locale=said.locale),
        "before": (day - timedelta(days=1)).isoformat(),
        "after": (day + timedelta(days=1)).isoformat(),
        "today": today.isoformat(),
        "is_today": day == today,
        "covers": covers_of(view),
        "bars": bars_of(restaurant, view, said),
        "bars_height": HEIGHT,
        "present": covers_now(restaurant, now=now) if day == today else None,
        "limits": limits_said(restaurant, view, said, now=now),
        "caller": caller,
        "may_move": caller.has(restaurant.id, Permission.MOVE_PARTIES),
        "may_write": caller.has(restaurant.id, Permission.WRITE_RESERVATIONS),
        "may_export": caller.has(restaurant.id, Permission.EXPORT_GUESTS),
        "now_epoch": int(now.timestamp()),
    }


def _day(restaurant: RestaurantSpec, now: datetime) -> date:
    try:
        return date.fromisoformat(request.args.get("date", ""))
    except ValueError:
        return service_date(restaurant, now)
