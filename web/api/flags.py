"""Feature flags of one restaurant: read, set, clear."""

from functools import partial
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading, unit
from models.entities.flags import FlagSwitch
from models.operations.running.flags import clear_flag, set_flag
from models.queries.accounts.accounts import Caller
from models.queries.running.flags import changes, switches
from models.rules.flags import EVERYWHERE, WHILE_OFF, Flag
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.endpoint import READ, STAFF, WRITE, describe
from web.http.access import staff_at_restaurant
from web.http.json_body import json_response
from web.schemas.flags import FlagRequest, FlagsOut

blueprint = APIBlueprint("flags", __name__, url_prefix="/api/v1", tag="Feature flags")

_SECURITY: Final = ("staff",)
_SHOWN: Final = 50


@blueprint.get("/restaurants/<slug:slug>/flags")
@staff_at_restaurant(Permission.SWITCH_FLAGS)
@describe(blueprint, {200: FlagsOut}, problems=(*READ, *STAFF, 404), security=_SECURITY)
def get_flags(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """List every flag, its settings here and everywhere, and the latest changes here."""
    return _show(restaurant)


@blueprint.put("/restaurants/<slug:slug>/flags/<slug:flag>")
@staff_at_restaurant(Permission.SWITCH_FLAGS)
@blueprint.input(FlagRequest, arg_name="body")
@describe(blueprint, {200: FlagsOut}, problems=(*WRITE, *STAFF, 404), security=_SECURITY)
def put_flag(restaurant: RestaurantSpec, caller: Caller, flag: str, body: FlagRequest) -> Response:
    """Set a flag at this restaurant. Every process applies it within two seconds."""
    work = partial(
        set_flag,
        name=flag,
        restaurant_id=restaurant.id,
        percent=body.percent,
        is_killed=body.is_killed,
        now=clock.now(),
        actor=caller.actor,
    )
    unit(work)
    return _show(restaurant)


@blueprint.delete("/restaurants/<slug:slug>/flags/<slug:flag>")
@staff_at_restaurant(Permission.SWITCH_FLAGS)
@describe(blueprint, {200: FlagsOut}, problems=(*READ, *STAFF, 404, 409), security=_SECURITY)
def delete_flag(restaurant: RestaurantSpec, caller: Caller, flag: str) -> Response:
    """Remove this restaurant's setting of a flag. Idempotent."""

    def work(session: Session) -> bool:
        return clear_flag(
            session, flag, restaurant_id=restaurant.id, now=clock.now(), actor=caller.actor
        )

    unit(work)
    return _show(restaurant)


def _show(restaurant: RestaurantSpec) -> Response:
    with reading() as session:
        found = {(row.flag, row.restaurant_id): _switch(row) for row in switches(session)}
        latest = changes(session, restaurant_id=restaurant.id, limit=_SHOWN)
        body: dict[str, Any] = {
            "flags": [
                {
                    "name": each.value,
                    "while_off": WHILE_OFF[each],
                    "here": found.get((each.value, restaurant.id)),
                    "everywhere": found.get((each.value, EVERYWHERE)),
                }
                for each in Flag
            ],
            "changes": [
                {
                    "name": row.flag,
                    "percent": row.percent,
                    "is_killed": row.is_killed,
                    "at": row.at.isoformat(),
                    "by": row.actor,
                }
                for row in latest
            ],
        }
    return json_response(body)


def _switch(row: FlagSwitch) -> dict[str, Any]:
    return {
        "percent": row.percent,
        "is_killed": row.is_killed,
        "changed_at": row.changed_at.isoformat(),
        "changed_by": row.changed_by,
    }
