"""Block tables or an area, lift blocks, and list them."""

from functools import partial
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading
from models.core.errors import Invalid, sentence
from models.entities.evening import TableBlock
from models.operations.evening.blocks import Blocked, Quarters, block_tables, lift_block
from models.operations.evening.moving import Resettled
from models.queries.accounts.accounts import Caller
from models.queries.book.blocks import block_times, blocks_of
from models.queries.running import flags
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import end_of_day, quarter_of
from web.api.endpoint import READ, STAFF, WRITE, describe
from web.api.evening.acting import act, labels_of, party_facts
from web.api.shapes import local_text
from web.api.stand.arrivals import tables_by_label
from web.http.access import staff_at_restaurant
from web.http.headers import if_revision
from web.http.json_body import json_response
from web.schemas.evening import BlockMadeOut, BlockOut, BlockRequest, BlocksOut, DayQuery
from web.schemas.requests import Nothing

blueprint = APIBlueprint("blocks", __name__, url_prefix="/api/v1", tag="The evening")

_SECURITY = ("staff",)


@blueprint.post("/restaurants/<slug:slug>/blocks")
@staff_at_restaurant(Permission.BLOCK_TABLES)
@blueprint.input(BlockRequest, arg_name="body")
@describe(
    blueprint,
    {200: BlockMadeOut},
    problems=(*WRITE, *STAFF, 404, 412),
    headers=("If-Match",),
    security=_SECURITY,
)
def block(restaurant: RestaurantSpec, caller: Caller, body: BlockRequest) -> Response:
    """Block tables or an area: until the block is lifted, nobody is given them.

    The same block again does nothing. If-Match: the revision of that day's book.
    """
    flags.refresh()
    blocked = partial(
        block_tables,
        restaurant=restaurant,
        tables=_tables(restaurant, body),
        span=_span(restaurant, body),
        reason=body.reason,
        move=body.parties == "move",
        now=clock.now(),
        actor=caller.actor,
        if_revision=if_revision(),
    )
    return json_response(
        act(
            lambda session: _made(restaurant, blocked(session)),
            restaurant=restaurant,
            preview=body.preview,
        )
    )


@blueprint.get("/restaurants/<slug:slug>/blocks")
@staff_at_restaurant(Permission.READ_BOOK)
@blueprint.input(DayQuery, location="query", arg_name="query")
@describe(blueprint, {200: BlocksOut}, problems=(*READ, *STAFF, 404, 422), security=_SECURITY)
def blocks(restaurant: RestaurantSpec, caller: Caller, query: DayQuery) -> Response:
    """Return the blocks in force on a day."""
    with reading() as session:
        found = [_block(restaurant, each) for each in blocks_of(session, restaurant, query.date)]
    return json_response({"blocks": found})


@blueprint.post("/restaurants/<slug:slug>/blocks/<id:block_id>/lift")
@staff_at_restaurant(Permission.BLOCK_TABLES)
@blueprint.input(Nothing, arg_name="body")
@describe(blueprint, {200: BlockOut}, problems=(*WRITE, *STAFF, 404), security=_SECURITY)
def lift(restaurant: RestaurantSpec, caller: Caller, block_id: int, body: Nothing) -> Response:
    """Lift a block: its tables are free again, for the waitlist first."""

    def work(session: Session) -> dict[str, Any]:
        lifted = lift_block(session, restaurant, block_id, now=clock.now(), actor=caller.actor)
        return _block(restaurant, lifted)

    return json_response(act(work, restaurant=restaurant, preview=False))


def _tables(restaurant: RestaurantSpec, body: BlockRequest) -> tuple[int, ...]:
    if body.area is None:
        return tables_by_label(restaurant, body.tables)
    area = restaurant.area_by_key.get(body.area)
    if area is None:
        raise Invalid.field("area", sentence("no_such_area", "is not an area of this restaurant"))
    return tuple(table.id for table in restaurant.tables if table.area_id == area.id)


def _span(restaurant: RestaurantSpec, body: BlockRequest) -> Quarters:
    first = quarter_of(body.from_ or clock.now())
    if body.until is not None:
        last = quarter_of(body.until)
        return Quarters(first, last - 1 if body.until.timestamp() % 900 == 0 else last)
    return Quarters(first, end_of_day(restaurant, first))


def _made(restaurant: RestaurantSpec, made: Blocked) -> dict[str, Any]:
    parties = [_party(restaurant, each) for each in made.parties]
    return _block(restaurant, made.block) | {"parties": parties}


def _party(restaurant: RestaurantSpec, each: Resettled) -> dict[str, Any]:
    return party_facts(restaurant, each.party) | {
        "tables": labels_of(restaurant, each.before),
        "moved_to": labels_of(restaurant, each.after),
        "left_area": each.left_area,
    }


def _block(restaurant: RestaurantSpec, row: TableBlock) -> dict[str, Any]:
    begins, ends = block_times(row)
    return {
        "id": str(row.id),
        "tables": row.labels,
        "start": local_text(restaurant, begins),
        "end": local_text(restaurant, ends),
        "reason": row.reason,
        "made_at": local_text(restaurant, row.made_at),
        "made_by": row.made_by,
        "lifted_at": None if row.lifted_at is None else local_text(restaurant, row.lifted_at),
        "lifted_by": row.lifted_by,
    }
