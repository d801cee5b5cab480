"""/stand/{slug}/waits: the list at the door beside the book: waits by size, calls, late quotes."""

from typing import Final

from apiflask import APIBlueprint
from flask import Response

from models.core import clock
from models.core.database.transactions import reading
from models.queries.accounts.accounts import Caller
from models.queries.door.view import door_view
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.access_log import audit_read
from web.api.door.facts import entry_facts
from web.http.access import staff_at_restaurant
from web.pages.stand.lines import service_date, times_of
from web.pages.stand.page import register_stand, render_stand, wording_of

blueprint = APIBlueprint("stand_waits", __name__, enable_openapi=False)
register_stand(blueprint)

#: the party sizes whose wait is shown
_SIZES: Final = (1, 2, 4, 6, 8)


@blueprint.get("/stand/<slug:slug>/waits")
@staff_at_restaurant(Permission.READ_BOOK)
def show(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Show a part of the list: how long a party that joins now would wait. Audited.

    A simulation of the floor, and so not a part of the list itself, which is read at every act.
    """
    now = clock.now()
    day = service_date(restaurant, now).isoformat()
    audit_read(restaurant.id, caller.actor, "book.read", day)
    with reading() as session:
        view = door_view(session, restaurant, now=now)
        entries = [entry_facts(restaurant, each, now=now) for each in view.line]
        calls = [(each.row.id, each.entry.ready_until) for each in view.line]
    at = times_of(restaurant, wording_of(restaurant))
    return render_stand(
        "waits.html",
        restaurant,
        waits=[(size, view.waits[size]) for size in _SIZES if size in view.waits],
        entries=entries,
        until={str(number): at(moment) for number, moment in calls if moment},
        accuracy=view.accuracy,
    )
