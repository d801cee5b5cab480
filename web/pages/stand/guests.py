"""/stand/{slug}/guests: search in the guest book, and one guest's record."""

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request

from models.core import clock
from models.core.database.transactions import reading
from models.core.errors import Invalid, NotFound
from models.queries.accounts.accounts import Caller
from models.queries.guest_book.record import names_shown
from models.rules.guest_book import is_too_short
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.guest_book.search import found_guests, guest_of, opened
from web.http.access import staff_at_restaurant
from web.pages.stand.lines import service_date
from web.pages.stand.page import register_stand, render_stand, wording_of
from web.schemas.guest_book import SEARCH_MAX

blueprint = APIBlueprint("stand_guests", __name__, enable_openapi=False)
register_stand(blueprint)

_NONE: dict[str, Any] = {"guests": [], "more": False}


@blueprint.get("/stand/<slug:slug>/guests")
@staff_at_restaurant(Permission.FIND_GUESTS)
def show(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Show the search, without a result."""
    return _page(restaurant, caller, "", _NONE)


@blueprint.post("/stand/<slug:slug>/guests")
@staff_at_restaurant(Permission.FIND_GUESTS)
def search(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Show who is found. The text comes in the form, so that no log of addresses has it."""
    text = request.form.get("text", "").strip()[:SEARCH_MAX]
    try:
        found = found_guests(restaurant, caller, text) if text else _NONE
    except Invalid:  # an address that is not whole yet
        found = _NONE
    return _page(restaurant, caller, text, found)


@blueprint.get("/stand/<slug:slug>/guests/<id:guest_id>")
@staff_at_restaurant(Permission.FIND_GUESTS)
def record(restaurant: RestaurantSpec, caller: Caller, guest_id: int) -> Response:
    """Open a guest's record. Audited."""
    return _record(restaurant, caller, guest_id)


@blueprint.get("/stand/<slug:slug>/guests/of/<id:reservation_id>")
@staff_at_restaurant(Permission.FIND_GUESTS)
def of_reservation(restaurant: RestaurantSpec, caller: Caller, reservation_id: int) -> Response:
    """Open the record of a party's guest, or say that there is none. Audited."""
    try:
        guest_id = guest_of(restaurant, reservation_id)
    except NotFound:
        return render_stand("guest.html", restaurant, guest=None)
    return _record(restaurant, caller, guest_id)


def _page(restaurant: RestaurantSpec, caller: Caller, text: str, found: dict[str, Any]) -> Response:
    return render_stand(
        "guests.html",
        restaurant,
        text=text,
        found=found,
        is_short=is_too_short(text),
        caller=caller,
        today=service_date(restaurant, clock.now()).isoformat(),
        when=_days(restaurant),
    )


def _record(restaurant: RestaurantSpec, caller: Caller, guest_id: int) -> Response:
    guest = opened(restaurant, caller, guest_id)
    with reading() as session:
        names = names_shown(session, [int(n) for n in (*guest["alike"], *guest["merged"])])
    return render_stand(
        "guest.html",
        restaurant,
        guest=guest,
        names={str(number): name for number, name in names.items()},
        may_write=caller.has(restaurant.id, Permission.WRITE_GUESTS),
        may_merge=caller.has(restaurant.id, Permission.MERGE_GUESTS),
        may_block=caller.has(restaurant.id, Permission.BLOCK_GUESTS),
        when=_days(restaurant),
    )


def _days(restaurant: RestaurantSpec) -> Any:
    """Return what writes a moment of the API (local, with its offset) in the page's language."""
    said = wording_of(restaurant)
    return lambda text: said.short(datetime.fromisoformat(text)) if text else ""
