"""Requests that wait for the staff's approval: see them all. `arrivals` has the verbs."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response

from models.core.database.transactions import reading
from models.entities.reservations import Reservation
from models.queries.accounts.accounts import Caller
from models.queries.reservations.approvals import waiting_for_approval
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.access_log import audit_read
from web.api.endpoint import READ, STAFF, describe
from web.api.shapes import local_text
from web.http.access import staff_at_restaurant
from web.http.json_body import json_response
from web.schemas.stand import RequestsOut

blueprint = APIBlueprint("requests", __name__, url_prefix="/api/v1", tag="The host stand")


@blueprint.get("/restaurants/<slug:slug>/requests")
@staff_at_restaurant(Permission.READ_BOOK)
@describe(blueprint, {200: RequestsOut}, problems=(*READ, *STAFF, 404), security=("staff",))
def get_requests(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Return the requests of all dates that wait for approval, the nearest deadline first.

    Audited.
    """
    audit_read(restaurant.id, caller.actor, "book.read", "requests")
    with reading() as session:
        found = waiting_for_approval(session, restaurant.id)
        facts = [_facts(restaurant, row, tables) for row, tables in found]
    body = {"restaurant": restaurant.slug, "requests": facts}
    return json_response(body, Cache_Control="no-store")


def _facts(restaurant: RestaurantSpec, row: Reservation, tables: tuple[str, ...]) -> dict[str, Any]:
    area, guest = restaurant.area_by_id.get(row.area_id or 0), row.guest
    contact = {"email": guest.email, "phone": guest.phone, "locale": row.guest_locale}
    return {
        "id": str(row.id),
        "reference": row.reference,
        "status": row.shown_status.value,
        "revision": row.revision,
        "party_size": row.party_size,
        "start": local_text(restaurant, row.starts_at),
        "end": local_text(restaurant, row.ends_at),
        "area": area.key if area else None,
        "tables": list(tables),
        "guest": {"name": guest.name, **contact},
        "note": guest.note,
        "staff_note": row.staff_note,
        "created_at": local_text(restaurant, row.created_at),
        "approve_by": local_text(restaurant, row.approve_by or row.starts_at),
    }
