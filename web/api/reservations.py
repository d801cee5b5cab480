"""Guests request a table, and view, change and cancel their reservation."""

from typing import Any

from apiflask import APIBlueprint
from flask import Response, request
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import plain_unit, unit
from models.core.errors import Invalid
from models.operations.reservations.booking import Accepted, request_reservation
from models.operations.reservations.changes import cancel_reservation
from models.queries.reservations.reservations import ReservationView
from models.queries.running import flags
from models.rules.permissions import Permission
from models.rules.reservations.lifecycle import Status
from web.api.access_log import audit_read
from web.api.endpoint import READ, STAFF, WRITE, describe
from web.api.seen import read_view, refreshed, show, view_within
from web.api.shapes import requested_again, requested_facts, reservation_facts
from web.http.access import Visitor, guest_or_staff, public
from web.http.around import about_new
from web.http.headers import idempotency_key, if_revision, revision_tag, wait_seconds
from web.http.json_body import json_response
from web.http.rate_limits import counted_change
from web.http.waiting import wait_for_decision
from web.nudging import nudge_after_move, nudge_restaurant
from web.offers import recent_restaurant
from web.patching import apply_patch
from web.schemas.answers import RequestedOut, ReservationOut
from web.schemas.patches import ReservationPatch
from web.schemas.requests import CancelRequest, ReservationRequest

blueprint = APIBlueprint("reservations", __name__, url_prefix="/api/v1", tag="Reservations")

_SECURITY = ("guest", "staff")


@blueprint.post("/restaurants/<slug:slug>/reservations")
@public
@blueprint.input(ReservationRequest, arg_name="body")
@describe(
    blueprint,
    {201: ReservationOut, 202: RequestedOut},
    problems=(*WRITE, 404),
    headers=("Idempotency-Key", "Prefer", "Manage-Token"),
)
def ask_for_table(slug: str, body: ReservationRequest) -> Response:
    """Request a table.

    202: the request is stored and will be decided within moments; the guest is notified. With
    `Prefer: wait=N` the answer is 201 with the decision, if it is made within N seconds. Repeating
    the same Idempotency-Key and body always answers for the same reservation.

    A guest has one table near a time. With its `Manage-Token` a second request is 409
    `already-booked` with its `manage_url`. Without it, the request is declined as `full`, and the
    link is sent to the contact, once. Staff can book a second table on purpose, at
    `/book/reservations`.
    """
    key, seconds = idempotency_key(), wait_seconds()
    raw, now = request.get_data(), clock.now()
    restaurant = recent_restaurant(slug)
    asked = body.table_request(restaurant)
    accepted = plain_unit(
        lambda connection: request_reservation(
            connection,
            restaurant,
            request=asked,
            key=key,
            body=raw,
            now=now,
            awaited=bool(seconds),
            links=request.headers.getlist("Manage-Token"),
        )
    )
    about_new(accepted)
    nudge_restaurant(restaurant.id)
    if seconds or accepted.replayed:
        return _answer_later(accepted, seconds)
    facts = requested_facts(restaurant, accepted, asked, now=now)
    return _located(json_response(facts, 202), accepted, 1)


def _answer_later(accepted: Accepted, seconds: int) -> Response:
    """Answer with the decision if the caller wanted to wait and it is made in time, else 202."""
    wait = seconds
    if accepted.replayed and read_view(accepted.reservation_id).status is not Status.REQUESTED:
        wait = 0  # decided: its signal went to the first request
    wait_for_decision("reservation", accepted.reservation_id, wait)
    view = read_view(accepted.reservation_id)
    if seconds and view.status is not Status.REQUESTED:
        answer = json_response(reservation_facts(view, for_staff=False), 201)
        answer.headers["Preference-Applied"] = f"wait={seconds}"
    else:
        answer = json_response(requested_again(view), 202)
    return _located(answer, accepted, view.guest_revision)


def _located(answer: Response, accepted: Accepted, revision: int) -> Response:
    answer.headers["Location"] = f"/api/v1/reservations/{accepted.reservation_id}"
    answer.headers["ETag"] = revision_tag(revision)
    answer.headers["Cache-Control"] = "no-store"
    if accepted.replayed:
        answer.headers["Idempotency-Replayed"] = "true"
    return answer


@blueprint.get("/reservations/<id:reservation_id>")
@guest_or_staff(Permission.READ_BOOK)
@describe(blueprint, {200: ReservationOut}, problems=(*READ, *STAFF, 404), security=_SECURITY)
def get_reservation(reservation_id: int, visitor: Visitor) -> Response:
    """Return a reservation, with its last change request. Audited when read by staff."""
    view = read_view(reservation_id)
    if visitor.by_staff:
        audit_read(view.restaurant.id, visitor.actor, "guest.read", view.reference)
    return show(view, visitor)


@blueprint.patch("/reservations/<id:reservation_id>")
@guest_or_staff(Permission.WRITE_RESERVATIONS)
@blueprint.input(ReservationPatch, arg_name="body")
@describe(
    blueprint,
    {200: ReservationOut, 202: ReservationOut},
    problems=(*WRITE, *STAFF, 404, 412),
    headers=("If-Match", "Prefer"),
    security=_SECURITY,
)
def change(reservation_id: int, visitor: Visitor, body: ReservationPatch) -> Response:
    """Change a reservation.

    Notes and the guest's details change immediately (200). A guest's change of party_size, start or
    area is decided like a request (202, `change.status` is `requested`); the current table is held
    until then. A change by staff is decided immediately: 200, or 409 `not-seated` with a `reason`,
    and then nothing is changed and nobody is notified. The staff may also change a party that has
    arrived or is seated. `area: null` means any area. A change that is already in effect is 200
    too, whatever If-Match is.
    """
    seconds, revision, now = wait_seconds(), if_revision(), clock.now()
    if visitor.by_staff:
        flags.refresh()

    def work(session: Session) -> tuple[int | None, ReservationView]:
        change_id = apply_patch(
            session,
            reservation_id,
            patch=body,
            visitor=visitor,
            if_revision=revision,
            awaited=seconds > 0,
            now=now,
        )
        return change_id, view_within(session, reservation_id)

    with counted_change(reservation_id, by_staff=visitor.by_staff):
        change_id, view = unit(work)
    if change_id is None:
        if body.table_change is not None:
            nudge_after_move(view.restaurant.id)
        return show(view, visitor)
    nudge_restaurant(view.restaurant.id)
    if wait_for_decision("change", change_id, seconds):
        view = refreshed(view)
    if view.change is not None and view.change.status == "requested":
        return show(view, visitor, status=202)
    answer = show(view, visitor)
    if seconds:
        answer.headers["Preference-Applied"] = f"wait={seconds}"
    return answer


@blueprint.post("/reservations/<id:reservation_id>/cancel")
@guest_or_staff(Permission.WRITE_RESERVATIONS)
@blueprint.input(CancelRequest, arg_name="body")
@describe(
    blueprint,
    {200: ReservationOut},
    problems=(*WRITE, *STAFF, 404, 412),
    headers=("If-Match",),
    security=_SECURITY,
)
def cancel(reservation_id: int, visitor: Visitor, body: CancelRequest) -> Response:
    """Cancel a reservation. Idempotent."""
    if body.notify is not None and not visitor.by_staff:
        raise Invalid.field("notify", "is for staff only")
    now, revision = clock.now(), if_revision()

    def work(session: Session) -> ReservationView:
        who: dict[str, Any] = {"actor": visitor.actor, "by_staff": visitor.by_staff}
        notify = body.notify is not False
        cancel_reservation(
            session, reservation_id, now=now, if_revision=revision, notify=notify, **who
        )
        return view_within(session, reservation_id)

    view = unit(work)
    nudge_after_move(view.restaurant.id)
    return show(view, visitor)
