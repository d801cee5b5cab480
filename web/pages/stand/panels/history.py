"""Who did what with a party, and when."""

from apiflask import APIBlueprint
from flask import Response

from models.core import clock
from models.core.database.transactions import reading
from models.queries.accounts.accounts import Caller
from models.queries.reservations.history import HistoryStep, history_of
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from tasks.messaging.templates.wording import Wording, local
from web.http.access import staff_at_restaurant
from web.pages.stand.book_list import read_book
from web.pages.stand.page import register_stand, render_stand, wording_of, words_of
from web.pages.stand.panels.party import party_in

blueprint = APIBlueprint("stand_history", __name__, enable_openapi=False)
register_stand(blueprint)


@blueprint.get("/stand/<slug:slug>/party/<id:reservation_id>/history")
@staff_at_restaurant(Permission.READ_BOOK)
def history(restaurant: RestaurantSpec, caller: Caller, reservation_id: int) -> Response:
    """Show who did what with the party, and when: "who moved this?"."""
    view = read_book(restaurant, caller, now=clock.now())
    row = party_in(view, reservation_id)
    with reading() as session:
        steps = history_of(session, row.id, row.tables)
    said = wording_of(restaurant)
    shown = [_shown(restaurant, said, step) for step in reversed(steps)]
    return render_stand("history.html", restaurant, row=row, steps=shown)


def _shown(
    restaurant: RestaurantSpec, said: Wording, step: HistoryStep
) -> tuple[str, str, HistoryStep]:
    """Return when a step was made, and what it was in the page's language."""
    known = words_of(said.language).get(f"step_{step.reason}")
    what = known or step.reason.replace("_", " ") or step.status
    return said.short(local(step.at, zone=restaurant.zone)), what, step
