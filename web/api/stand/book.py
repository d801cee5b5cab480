"""The book of a day, and bookings by staff."""

from functools import partial
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response, request
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading, unit
from models.entities.reservations import Reservation
from models.operations.reservations.booking import Accepted, book_for_guest
from models.operations.stand.arrivals import seat
from models.operations.stand.party_details import write_details
from models.operations.stand.walk_ins import seat_walk_in
from models.operations.tables.forcing import Force
from models.operations.tables.whole_area import refuse_if_others_come, tables_of_area
from models.queries.accounts.accounts import Caller
from models.queries.book.book import book_of
from models.queries.guest_book.standing import refusals_of
from models.queries.reservations.reservations import ReservationView
from models.queries.running import flags
from models.rules.permissions import Permission
from models.rules.reservations.requests import TableRequest
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.access_log import audit_read
from web.api.endpoint import READ, STAFF, WRITE, describe
from web.api.restaurants import tagged
from web.api.seen import show, view_within
from web.api.stand.arrivals import tables_by_label
from web.api.stand.book_facts import book_facts
from web.api.tables.forcing import force_of
from web.http.access import Visitor, staff_at_restaurant
from web.http.around import about_new
from web.http.headers import idempotency_key
from web.nudging import nudge_after_move
from web.schemas.answers import ReservationOut
from web.schemas.book import BookOut, StaffReservationRequest
from web.schemas.requests import BookQuery

blueprint = APIBlueprint("book", __name__, url_prefix="/api/v1", tag="The host stand")

_SECURITY = ("staff",)


@blueprint.get("/restaurants/<slug:slug>/book")
@staff_at_restaurant(Permission.READ_BOOK)
@blueprint.input(BookQuery, location="query", arg_name="query")
@describe(
    blueprint,
    {200: BookOut, 304: None},
    problems=(*READ, *STAFF, 404, 422),
    headers=("If-None-Match",),
    security=_SECURITY,
)
def get_book(restaurant: RestaurantSpec, caller: Caller, query: BookQuery) -> Response:
    """Return a day's book: reservations, tables, and how full each interval is. Audited."""
    audit_read(restaurant.id, caller.actor, "book.read", query.date.isoformat())
    with reading() as session:
        view = book_of(session, restaurant, query.date, now=clock.now())
    answer = tagged(orjson.dumps(book_facts(restaurant, view)))
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@blueprint.post("/restaurants/<slug:slug>/book/reservations")
@staff_at_restaurant(Permission.WRITE_RESERVATIONS)
@blueprint.input(StaffReservationRequest, arg_name="body")
@describe(
    blueprint,
    {201: ReservationOut},
    problems=(*WRITE, *STAFF, 404),
    headers=("Idempotency-Key",),
    security=_SECURITY,
)
def book_table(
    restaurant: RestaurantSpec, caller: Caller, body: StaffReservationRequest
) -> Response:
    """Book for a guest, decided immediately: at `tables`, or at tables that Maitred chooses.

    409 `not-seated` with a `reason` when there is no table, `too-large` when the party is larger
    than `tables` seat. A walk-in is seated immediately; without `start` it needs no name, neither
    pacing nor hours forbid it, and `warnings` says what is exceeded.
    """
    force = force_of(restaurant, caller, body)
    key, raw = idempotency_key(), request.get_data()
    flags.refresh()
    accepted, warnings, view = unit(
        partial(
            _book, restaurant=restaurant, caller=caller, body=body, force=force, key=key, raw=raw
        )
    )
    about_new(accepted)
    nudge_after_move(restaurant.id)
    more = {"warnings": list(warnings)} if body.walk_in or warnings else {}
    answer = show(view, Visitor(caller), status=201, **more)
    answer.headers["Location"] = f"/api/v1/reservations/{accepted.reservation_id}"
    if accepted.replayed:
        answer.headers["Idempotency-Replayed"] = "true"
    return answer


def _chosen(
    session: Session,
    restaurant: RestaurantSpec,
    body: StaffReservationRequest,
    asked: TableRequest,
) -> tuple[int, ...]:
    """Return the tables that the host chose. Raises Invalid, and TableTaken for a whole area."""
    if not body.whole_area:
        return tables_by_label(restaurant, body.tables)
    tables = tables_of_area(restaurant, body.area or "")
    refuse_if_others_come(session, restaurant, tables, asked)
    return tables


def _book(
    session: Session,
    *,
    restaurant: RestaurantSpec,
    caller: Caller,
    body: StaffReservationRequest,
    force: Force,
    key: str,
    raw: bytes,
) -> tuple[Accepted, tuple[str, ...], ReservationView]:
    now = clock.now()
    asked = body.table_request(restaurant, now=now, actor=caller.actor)
    common: dict[str, Any] = {
        "request": asked,
        "key": key,
        "body": raw,
        "now": now,
        "actor": caller.actor,
        "table_ids": _chosen(session, restaurant, body, asked),
        "notify": body.notify,
        "force": force,
    }
    warnings: tuple[str, ...] = ()
    if body.walk_in and body.start is None:
        accepted, warnings = seat_walk_in(session, restaurant, **common)
    else:
        accepted = book_for_guest(session, restaurant, walk_in=body.walk_in, **common)
        if body.walk_in and not accepted.replayed:
            seat(session, accepted.reservation_id, now=now, actor=caller.actor)
    if body.details and not accepted.replayed:
        row = session.get_one(Reservation, accepted.reservation_id, populate_existing=True)
        write_details(session, row, body.details.changes)
    view = view_within(session, accepted.reservation_id)
    refused = refusals_of(session, view, now=now)
    return accepted, (*warnings, *refused), view
