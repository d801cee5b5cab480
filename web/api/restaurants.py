"""Public facts: the restaurant, and its available starts."""

import hashlib
from dataclasses import asdict
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response

from models.core import clock
from models.core.database.transactions import reading
from models.queries.deciding.availability import Slot
from models.queries.floor.load import restaurant_by_slug
from models.rules.restaurant.approval import may_need_approval
from models.rules.restaurant.online_tables import is_offered, online_sizes
from models.rules.restaurant.restaurant import RestaurantSpec, ShiftSpec
from web.api.endpoint import READ, describe
from web.api.shapes import local_text
from web.http.access import public
from web.http.headers import not_modified
from web.offers import offered_starts
from web.schemas.answers import AvailabilityOut, RestaurantOut
from web.schemas.requests import AvailabilityQuery

blueprint = APIBlueprint("restaurants", __name__, url_prefix="/api/v1", tag="Restaurants")


@blueprint.get("/restaurants/<slug:slug>")
@public
@describe(
    blueprint,
    {200: RestaurantOut, 304: None},
    problems=(*READ, 404),
    headers=("If-None-Match",),
)
def get_restaurant(slug: str) -> Response:
    """Return a restaurant: its areas, shifts, party limits and booking window."""
    with reading() as session:
        restaurant = restaurant_by_slug(session, slug)
    return tagged(orjson.dumps(restaurant_facts(restaurant)))


@blueprint.get("/restaurants/<slug:slug>/availability")
@public
@blueprint.input(AvailabilityQuery, location="query", arg_name="query")
@describe(
    blueprint,
    {200: AvailabilityOut, 304: None},
    problems=(*READ, 404, 422),
    headers=("If-None-Match",),
)
def get_availability(slug: str, query: AvailabilityQuery) -> Response:
    """Return the starts of a day that this party could get now: an offer, not a promise."""
    slots, restaurant = offered_starts(
        slug,
        on_date=query.date,
        party_size=query.party_size,
        area_key=query.area,
        needs=query.needs,
        now=clock.now(),
    )
    body = {
        "date": query.date.isoformat(),
        "party_size": query.party_size,
        "area": query.area,
        "slots": [_slot(restaurant, slot, query) for slot in slots],
    }
    return tagged(orjson.dumps(body))


def _slot(restaurant: RestaurantSpec, slot: Slot, query: AvailabilityQuery) -> dict[str, Any]:
    return {
        "start": local_text(restaurant, slot.starts_at),
        "shift": slot.shift_key,
        "on_request": is_on_request(restaurant, slot.shift_key, query),
    }


def is_on_request(restaurant: RestaurantSpec, shift_key: str, query: AvailabilityQuery) -> bool:
    """Return whether the staff approve such requests, as far as that is known before."""
    size, area = query.party_size, query.area
    return may_need_approval(restaurant, shift_key, party_size=size, area_key=area)


def tagged(body: bytes) -> Response:
    """Return JSON with an ETag of its content; 304 if the caller has it."""
    tag = hashlib.blake2b(body, digest_size=12).hexdigest()
    return not_modified(Response(body, mimetype="application/json"), f'"{tag}"')


def restaurant_facts(restaurant: RestaurantSpec) -> dict[str, Any]:
    """Return a restaurant in the shape of RestaurantOut."""
    policies = restaurant.policies
    return {
        "slug": restaurant.slug,
        "name": restaurant.name,
        "zone": restaurant.zone,
        "locale": restaurant.locale,
        "phone": restaurant.phone,
        "email": restaurant.email,
        "address": restaurant.address,
        "areas": [
            {"key": area.key, "name": area.name, "online": is_offered(restaurant, area)}
            for area in restaurant.areas
        ],
        "capacity": "tables" if restaurant.covers is None else "covers",
        "features": [asdict(feature) for feature in restaurant.features],
        "shifts": [_shift(shift) for shift in restaurant.shifts],
        "min_party": policies.min_party_online,
        "max_party": max(online_sizes(restaurant), default=policies.max_party_online),
        "lead_minutes": policies.lead_minutes,
        "window_days": policies.window_days,
        "slot_minutes": policies.slot_minutes,
        "cancel_cutoff_minutes": policies.cancel_cutoff_minutes,
        "logo": f"/logo/{restaurant.slug}/{restaurant.logo}" if restaurant.logo else None,
    }


def _shift(shift: ShiftSpec) -> dict[str, Any]:
    return {
        "key": shift.key,
        "name": shift.name,
        "first": shift.first.isoformat("minutes"),
        "last": shift.last.isoformat("minutes"),
        "ends": shift.ends.isoformat("minutes"),
        "weekdays": sorted(shift.weekdays),
        "on_date": None if shift.on_date is None else shift.on_date.isoformat(),
    }
