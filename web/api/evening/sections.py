"""The servers' sections of a book."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading
from models.core.errors import Invalid, sentence
from models.operations.evening.limits import sittings_of
from models.operations.evening.sections import divide_tables
from models.queries.accounts.accounts import Caller
from models.queries.evening.sections import covers_by_table, sections_of
from models.rules.evening.sections import balanced, next_section
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import Sitting
from web.api.endpoint import READ, STAFF, WRITE, describe
from web.api.evening.acting import act, labels_of
from web.api.stand.arrivals import tables_by_label
from web.http.access import staff_at_restaurant
from web.http.headers import if_revision
from web.http.json_body import json_response
from web.schemas.evening import SectionsOut, SectionsQuery, SectionsRequest

blueprint = APIBlueprint("sections", __name__, url_prefix="/api/v1", tag="The evening")

_SECURITY = ("staff",)


@blueprint.get("/restaurants/<slug:slug>/book/sections")
@staff_at_restaurant(Permission.READ_BOOK)
@blueprint.input(SectionsQuery, location="query", arg_name="query")
@describe(blueprint, {200: SectionsOut}, problems=(*READ, *STAFF, 404, 422), security=_SECURITY)
def sections(restaurant: RestaurantSpec, caller: Caller, query: SectionsQuery) -> Response:
    """Return the sections of a shift, their covers, and who gets the next party."""
    (sitting,) = sittings_of(restaurant, query.date, query.shift)
    with reading() as session:
        facts = _facts(session, restaurant, sitting)
    return json_response(facts)


@blueprint.put("/restaurants/<slug:slug>/book/sections")
@staff_at_restaurant(Permission.DIVIDE_TABLES)
@blueprint.input(SectionsRequest, arg_name="body")
@describe(
    blueprint,
    {200: SectionsOut},
    problems=(*WRITE, *STAFF, 404, 412),
    headers=("If-Match",),
    security=_SECURITY,
)
def divide(restaurant: RestaurantSpec, caller: Caller, body: SectionsRequest) -> Response:
    """Divide the tables of a shift among the servers, in the place of the sections before.

    If no section names tables, all tables are divided so that the covers are balanced.
    """
    (sitting,) = sittings_of(restaurant, body.date, body.shift)

    def work(session: Session) -> dict[str, Any]:
        divide_tables(
            session,
            restaurant,
            sitting,
            _servers(session, restaurant, sitting, body),
            now=clock.now(),
            actor=caller.actor,
            if_revision=if_revision(),
        )
        return _facts(session, restaurant, sitting)

    return json_response(act(work, restaurant=restaurant, preview=body.preview))


def _servers(
    session: Session, restaurant: RestaurantSpec, sitting: Sitting, body: SectionsRequest
) -> dict[int, str]:
    names = [each.server for each in body.sections]
    if len(set(names)) < len(names):
        raise Invalid.field("sections", sentence("server_twice", "names a server twice"))
    if names and not any(each.tables for each in body.sections):
        return balanced(restaurant.tables, covers_by_table(session, sitting.book_id), names)
    found: dict[int, str] = {}
    for section in body.sections:
        for table in tables_by_label(restaurant, section.tables):
            if table in found:
                raise Invalid.field(
                    "sections", sentence("table_twice", "gives a table to two servers")
                )
            found[table] = section.server
    return found


def _facts(session: Session, restaurant: RestaurantSpec, sitting: Sitting) -> dict[str, Any]:
    views = sections_of(session, sitting.book_id)
    return {
        "shift": sitting.shift.key,
        "sections": [
            {
                "server": each.load.server,
                "tables": labels_of(restaurant, each.tables),
                "covers_seated": each.load.seated,
                "covers_to_come": each.load.to_come,
            }
            for each in views
        ],
        "next": next_section([each.load for each in views]),
    }
