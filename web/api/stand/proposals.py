"""Proposals of tables for a booking by the staff."""

from apiflask import APIBlueprint
from flask import Response

from models.core import clock
from models.core.database.transactions import reading
from models.queries.accounts.accounts import Caller
from models.queries.deciding.proposals import ProposedTables, proposals
from models.rules.deciding.capacity import most_at
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.endpoint import READ, STAFF, describe
from web.http.access import staff_at_restaurant
from web.http.json_body import json_response
from web.schemas.stand import ProposalsOut, ProposalsQuery

blueprint = APIBlueprint("proposals", __name__, url_prefix="/api/v1", tag="The host stand")


@blueprint.get("/restaurants/<slug:slug>/book/proposals")
@staff_at_restaurant(Permission.READ_BOOK)
@blueprint.input(ProposalsQuery, location="query", arg_name="query")
@describe(blueprint, {200: ProposalsOut}, problems=(*READ, *STAFF, 404, 422), security=("staff",))
def get_proposals(restaurant: RestaurantSpec, caller: Caller, query: ProposalsQuery) -> Response:
    """Return free tables for a party, the best first.

    Where no table or combination seats so many, free tables of one area are joined, else of
    several; book them as `tables`. Pacing is not looked at.
    """
    with reading() as session:
        found = proposals(
            session,
            restaurant,
            party_size=query.party_size,
            starts_at=query.start,
            area_key=query.area,
            turn_minutes=query.turn_minutes,
            now=clock.now(),
        )
    return json_response({"proposals": [_facts(restaurant, each) for each in found]})


def _facts(restaurant: RestaurantSpec, each: ProposedTables) -> dict[str, object]:
    tables = [restaurant.table_by_id[number] for number in each.tables]
    areas = dict.fromkeys(restaurant.area_by_id[table.area_id].key for table in tables)
    return {
        "tables": [table.label for table in tables],
        "areas": list(areas),
        "seats": most_at(restaurant, each.tables),
        "joined_by_hand": each.by_hand,
    }
