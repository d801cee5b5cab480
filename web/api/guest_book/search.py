"""Search in the guest book, and open a guest's record: both are audited."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.errors import NotFound
from models.core.secrets.signing import contact_key
from models.entities.reservations import Reservation
from models.operations.accounts.audit import note
from models.queries.accounts.accounts import Caller
from models.queries.accounts.actors import actor_names
from models.queries.floor.load import restaurant_by_id
from models.queries.guest_book.record import record_of_reservation, view_record
from models.queries.guest_book.search import search_guests
from models.queries.guest_book.standing import refusals
from models.rules.guest_book import SoughtGuest, read_search
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.access_log import audit_read
from web.api.endpoint import READ, STAFF, WRITE, describe
from web.api.guest_book.facts import hit_facts, record_facts
from web.http.access import staff_at_restaurant, staff_of_reservation
from web.http.headers import revision_tag
from web.http.json_body import json_response
from web.schemas.fields import to_stored
from web.schemas.guest_book import GuestHitsOut, GuestRecordOut, GuestSearch

blueprint = APIBlueprint("guest_search", __name__, url_prefix="/api/v1", tag="Guest book")

_SECURITY = ("staff",)


@blueprint.post("/restaurants/<slug:slug>/guests/search")
@staff_at_restaurant(Permission.FIND_GUESTS)
@blueprint.input(GuestSearch, arg_name="body")
@describe(blueprint, {200: GuestHitsOut}, problems=(*WRITE, *STAFF, 404), security=_SECURITY)
def search(restaurant: RestaurantSpec, caller: Caller, body: GuestSearch) -> Response:
    """Search the guest book as the host types: names, last digits of a phone, an address.

    Audited once for each account and hour; opening a guest is audited every time.
    """
    return _private(json_response(found_guests(restaurant, caller, body.text)))


def found_guests(restaurant: RestaurantSpec, caller: Caller, text: str) -> dict[str, Any]:
    """Search; return the guests (GuestHitsOut). Audited. Raises Invalid for a wrong address."""
    audit_read(restaurant.id, caller.actor, "guest.searched", "guest book")
    asked = read_search(text)
    if asked.email:
        asked = SoughtGuest(email=to_stored(asked.email, restaurant.phone, "text"))
    with reading() as session:
        found = search_guests(session, restaurant.id, asked)
        guests = [hit_facts(restaurant, each) for each in found.guests]
    return {"guests": guests, "more": found.more}


@blueprint.get("/restaurants/<slug:slug>/guests/<id:guest_id>")
@staff_at_restaurant(Permission.FIND_GUESTS)
@describe(blueprint, {200: GuestRecordOut}, problems=(*READ, *STAFF, 404), security=_SECURITY)
def get_guest(restaurant: RestaurantSpec, caller: Caller, guest_id: int) -> Response:
    """Open a guest's record. Audited."""
    return record_response(opened(restaurant, caller, guest_id))


@blueprint.get("/reservations/<id:reservation_id>/guest")
@staff_of_reservation(Permission.FIND_GUESTS)
@describe(blueprint, {200: GuestRecordOut}, problems=(*READ, *STAFF, 404), security=_SECURITY)
def get_guest_of_reservation(reservation_id: int, caller: Caller) -> Response:
    """Open the record of a reservation's guest. 404: a guest without contact, or not filed yet.

    A new reservation is filed within seconds. Audited.
    """
    with reading() as session:
        row = session.get_one(Reservation, reservation_id)
        restaurant = restaurant_by_id(session, row.restaurant_id)
    number = guest_of(restaurant, reservation_id)
    return record_response(opened(restaurant, caller, number))


def guest_of(restaurant: RestaurantSpec, reservation_id: int) -> int:
    """Return the record of the guest of a reservation of that restaurant. Raises NotFound."""
    with reading() as session:
        row = session.get(Reservation, reservation_id)
        is_here = row is not None and row.restaurant_id == restaurant.id
        number = record_of_reservation(session, row) if row and is_here else None
    if number is None:
        raise NotFound("this guest has no record")
    return number


def opened(restaurant: RestaurantSpec, caller: Caller, guest_id: int) -> dict[str, Any]:
    """Return the record (GuestRecordOut), and write the entry of the audit."""
    now = clock.now()

    def work(session: Session) -> dict[str, Any]:
        facts = shown(session, restaurant, guest_id)
        about = [f"guest {facts['id']}"]
        note(
            session, restaurant.id, actor=caller.actor, action="guest.opened", about=about, now=now
        )
        return facts

    return unit(work)


def shown(session: Session, restaurant: RestaurantSpec, guest_id: int) -> dict[str, Any]:
    """Return the record as of this transaction."""
    session.flush()
    view = view_record(session, restaurant.id, guest_id)
    actors = [each.actor for each in view.notes] + [each.actor for each in view.history]
    names = actor_names(session, actors)
    keys = [contact_key(each.text) for each in view.contacts]
    refused = refusals(session, restaurant, keys, now=clock.now())
    return record_facts(restaurant, view, names, refused)


def record_response(facts: dict[str, Any]) -> Response:
    """Return a record with its ETag."""
    answer = _private(json_response(facts))
    answer.headers["ETag"] = revision_tag(facts["revision"])
    return answer


def _private(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    return answer
