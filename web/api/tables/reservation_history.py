"""Who did what to a reservation, and when."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from models.core.database.transactions import reading
from models.queries.accounts.accounts import Caller
from models.queries.reservations.history import HistoryStep, history_of
from models.queries.reservations.reservations import reservation_view
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.endpoint import READ, STAFF, describe
from web.api.shapes import local_text
from web.http.access import staff_of_reservation
from web.http.json_body import json_response
from web.schemas.tables import HistoryOut

blueprint = APIBlueprint("reservation_history", __name__, url_prefix="/api/v1", tag="Tables")


@blueprint.get("/reservations/<id:reservation_id>/history")
@staff_of_reservation(Permission.READ_BOOK)
@describe(blueprint, {200: HistoryOut}, problems=(*READ, *STAFF, 404), security=("staff",))
def get_history(reservation_id: int, caller: Caller) -> Response:
    """Return every step of a reservation: who, when, why, and from which tables to which."""
    with reading() as session:
        view = reservation_view(session, reservation_id)
        steps = history_of(session, reservation_id, view.tables)
    facts = {
        "id": str(view.id),
        "reference": view.reference,
        "steps": [_step(view.restaurant, step) for step in steps],
    }
    return json_response(facts, Cache_Control="no-store")


def _step(restaurant: RestaurantSpec, step: HistoryStep) -> dict[str, Any]:
    return {
        "at": local_text(restaurant, step.at),
        "actor": step.actor,
        "name": step.name,
        "reason": step.reason,
        "from_status": step.status_before,
        "status": step.status,
        "revision": step.revision,
        "from_tables": None if step.before is None else list(step.before),
        "tables": None if step.after is None else list(step.after),
        "text": step.text,
        "more": dict(step.more),
    }
