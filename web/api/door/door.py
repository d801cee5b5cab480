"""The list at the door: see it, join it; the waitlist of a date; quotes against the truth."""

from datetime import datetime, time, timedelta
from functools import partial

from apiflask import APIBlueprint
from flask import Response, request
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.errors import Invalid
from models.operations.door.joining import GUEST, DoorRequest, join
from models.operations.reservations.booking import Accepted
from models.queries.accounts.accounts import Caller
from models.queries.door.accuracy import accuracy
from models.queries.door.view import door_view
from models.queries.door.waitlist import waitlist_of
from models.queries.guest_book.standing import refusals_of
from models.queries.reservations.reservations import ReservationView
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.access_log import audit_read
from web.api.door.facts import accuracy_facts, door_facts, waitlist_facts
from web.api.endpoint import READ, STAFF, WRITE, describe
from web.api.seen import show, view_within
from web.http.access import Visitor, public, staff_at_restaurant
from web.http.around import about_new
from web.http.headers import idempotency_key
from web.http.json_body import json_response
from web.nudging import nudge_after_link
from web.offers import recent_restaurant
from web.schemas.answers import ReservationOut
from web.schemas.door import (
    AccuracyOut,
    DatesQuery,
    DoorOut,
    DoorRequestIn,
    JoinRequest,
    WaitlistOut,
)
from web.schemas.requests import BookQuery, guest_details

blueprint = APIBlueprint("door", __name__, url_prefix="/api/v1", tag="The door")

_DAYS_MOST = 366
_SECURITY = ("staff",)


@blueprint.get("/restaurants/<slug:slug>/door")
@staff_at_restaurant(Permission.READ_BOOK)
@describe(blueprint, {200: DoorOut}, problems=(*READ, *STAFF, 404), security=_SECURITY)
def get_door(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Return the list at the door: who waits, how long, and the wait of a party that joins now.

    Audited. The waits follow from the floor as it stands: seated parties and their turns, who is
    ahead, reservations to come.
    """
    audit_read(restaurant.id, caller.actor, "book.read", "door")
    with reading() as session:
        view = door_view(session, restaurant, now=clock.now())
        facts = door_facts(restaurant, view)
    return _private(facts)


@blueprint.post("/restaurants/<slug:slug>/door")
@staff_at_restaurant(Permission.KEEP_DOOR)
@blueprint.input(DoorRequestIn, arg_name="body")
@describe(
    blueprint,
    {201: ReservationOut},
    problems=(*WRITE, *STAFF, 404),
    headers=("Idempotency-Key",),
    security=_SECURITY,
)
def add_to_door(restaurant: RestaurantSpec, caller: Caller, body: DoorRequestIn) -> Response:
    """Put a party on the list, whatever the list's hours and length are.

    409 where the same contact waits already. The guest is sent the link to its place.
    """
    asked = DoorRequest(
        party_size=body.party_size,
        guest=guest_details(body.guest, restaurant),
        area_key=body.area,
        note=body.note,
        staff_note=body.staff_note,
    )
    return _joined(restaurant, asked, Visitor(caller), notify=body.notify)


@blueprint.post("/restaurants/<slug:slug>/door/join")
@public
@blueprint.input(JoinRequest, arg_name="body")
@describe(
    blueprint,
    {201: ReservationOut},
    problems=(*WRITE, 404),
    headers=("Idempotency-Key",),
)
def join_by_link(slug: str, body: JoinRequest) -> Response:
    """Join the list as a guest, where the restaurant lets guests do so.

    409 while the list is closed or full, and for a contact that cannot join now.
    """
    restaurant = recent_restaurant(slug)
    asked = DoorRequest(
        party_size=body.party_size,
        guest=guest_details(body.guest, restaurant),
        area_key=body.area,
        note=body.note,
    )
    return _joined(restaurant, asked, Visitor(None), notify=True)


@blueprint.get("/restaurants/<slug:slug>/door/accuracy")
@staff_at_restaurant(Permission.READ_BOOK)
@blueprint.input(DatesQuery, location="query", arg_name="query")
@describe(blueprint, {200: AccuracyOut}, problems=(*READ, *STAFF, 404, 422), security=_SECURITY)
def get_accuracy(restaurant: RestaurantSpec, caller: Caller, query: DatesQuery) -> Response:
    """Return the quotes of these dates (by the calendar, both included) against the truth."""
    if not 0 <= (query.last - query.first).days < _DAYS_MOST:
        raise Invalid.field("last", f"must be within {_DAYS_MOST} days from `first` on")
    since, until = (
        datetime.combine(day, time(), restaurant.tz)
        for day in (query.first, query.last + timedelta(days=1))
    )
    with reading() as session:
        found = accuracy(session, restaurant.id, since=since, until=until)
    return _private(accuracy_facts(found))


@blueprint.get("/restaurants/<slug:slug>/waitlist")
@staff_at_restaurant(Permission.READ_BOOK)
@blueprint.input(BookQuery, location="query", arg_name="query")
@describe(blueprint, {200: WaitlistOut}, problems=(*READ, *STAFF, 404, 422), security=_SECURITY)
def get_waitlist(restaurant: RestaurantSpec, caller: Caller, query: BookQuery) -> Response:
    """Return who waits for a table on that date, in order, with the times it was passed over.

    Audited. Seat from it with `seat`, give a table with `confirm`, pass over with `pass-over`.
    """
    audit_read(restaurant.id, caller.actor, "book.read", query.date.isoformat())
    with reading() as session:
        waiting = waitlist_of(session, restaurant, query.date)
        facts = waitlist_facts(restaurant, query.date, waiting)
    return _private(facts)


def _joined(
    restaurant: RestaurantSpec, asked: DoorRequest, visitor: Visitor, *, notify: bool
) -> Response:
    key, raw = idempotency_key(), request.get_data()
    accepted, view, warnings = unit(
        partial(
            _join,
            restaurant=restaurant,
            asked=asked,
            key=key,
            raw=raw,
            actor=visitor.actor,
            notify=notify,
        )
    )
    about_new(accepted)
    nudge_after_link()
    more = {"warnings": list(warnings)} if warnings else {}
    answer = show(view, visitor, status=201, **more)
    answer.headers["Location"] = f"/api/v1/reservations/{accepted.reservation_id}"
    if accepted.replayed:
        answer.headers["Idempotency-Replayed"] = "true"
    return answer


def _join(
    session: Session,
    *,
    restaurant: RestaurantSpec,
    asked: DoorRequest,
    key: str,
    raw: bytes,
    actor: str,
    notify: bool,
) -> tuple[Accepted, ReservationView, tuple[str, ...]]:
    now = clock.now()
    accepted = join(
        session,
        restaurant,
        request=asked,
        key=key,
        body=raw,
        now=now,
        actor=actor,
        notify=notify,
    )
    view = view_within(session, accepted.reservation_id)
    if actor == GUEST:
        return accepted, view, ()
    return accepted, view, refusals_of(session, view, now=now)


def _private(facts: object) -> Response:
    return json_response(facts, Cache_Control="no-store")
