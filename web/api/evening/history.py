"""The history of an evening."""

from apiflask import APIBlueprint
from flask import Response

from models.core.database.transactions import reading
from models.queries.accounts.accounts import Caller
from models.queries.evening.acts import acts_of
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.endpoint import READ, STAFF, describe
from web.api.shapes import local_text
from web.http.access import staff_at_restaurant
from web.http.json_body import json_response
from web.schemas.evening import DayQuery, EveningActsOut

blueprint = APIBlueprint("evening_history", __name__, url_prefix="/api/v1", tag="The evening")


@blueprint.get("/restaurants/<slug:slug>/book/acts")
@staff_at_restaurant(Permission.READ_BOOK)
@blueprint.input(DayQuery, location="query", arg_name="query")
@describe(blueprint, {200: EveningActsOut}, problems=(*READ, *STAFF, 404, 422), security=("staff",))
def evening_acts(restaurant: RestaurantSpec, caller: Caller, query: DayQuery) -> Response:
    """Return what hosts did about the evening as a whole: who, when, what."""
    with reading() as session:
        found = acts_of(session, restaurant.id, query.date)
    acts = [
        {
            "at": local_text(restaurant, each.at),
            "actor": each.actor,
            "name": each.name,
            "act": each.act,
            "detail": dict(each.detail),
        }
        for each in found
    ]
    return json_response({"acts": acts})
