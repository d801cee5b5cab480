"""The verbs of the lists: call to a table, pass over, leave."""

from collections.abc import Callable
from functools import partial
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import unit
from models.operations.door.calling import call_to_table
from models.operations.door.leaving import leave_list, pass_over
from models.operations.reservations.repeats import ActsOn
from models.queries.accounts.accounts import Caller
from models.queries.reservations.reservations import ReservationView
from models.rules.permissions import Permission
from models.rules.reservations.lifecycle import Status
from web.api.endpoint import STAFF, WRITE, describe
from web.api.seen import read_view, show, view_within
from web.api.stand.arrivals import tables_by_label
from web.api.tables.forcing import force_of
from web.http.access import Visitor, guest_or_staff, staff_of_reservation
from web.http.headers import if_revision
from web.nudging import nudge_after_link
from web.schemas.answers import ReservationOut
from web.schemas.door import PassOverRequest, ReadyRequest
from web.schemas.requests import Nothing

blueprint = APIBlueprint("door_verbs", __name__, url_prefix="/api/v1", tag="The door")

_PROBLEMS = (*WRITE, *STAFF, 404, 412)


@blueprint.post("/reservations/<id:reservation_id>/ready")
@staff_of_reservation(Permission.KEEP_DOOR)
@blueprint.input(ReadyRequest, arg_name="body")
@describe(
    blueprint,
    {200: ReservationOut},
    problems=_PROBLEMS,
    headers=("If-Match",),
    security=("staff",),
)
def ready(reservation_id: int, caller: Caller, body: ReadyRequest) -> Response:
    """Call a party on the list at the door: its table is ready.

    It is notified and has `door_ready_minutes` to come. When it has not been seated by then, the
    next party that the tables suit is called. 409 `not-seated` when no table is free and none is
    named, `table-taken` when the named ones are meant for a party that comes before it could sit
    there, `too-large` when they are too small. Calling it again before its time is over does
    nothing.
    """
    restaurant = read_view(reservation_id).restaurant
    ids = tables_by_label(restaurant, body.tables) if body.tables else ()
    force = force_of(restaurant, caller, body)
    call = partial(call_to_table, tables=ids, notify=body.notify, force=force)
    return _move(call, reservation_id, Visitor(caller), Status(body.from_) if body.from_ else None)


@blueprint.post("/reservations/<id:reservation_id>/pass-over")
@staff_of_reservation(Permission.KEEP_DOOR)
@blueprint.input(PassOverRequest, arg_name="body")
@describe(
    blueprint,
    {200: ReservationOut},
    problems=_PROBLEMS,
    headers=("If-Match",),
    security=("staff",),
)
def passed_over(reservation_id: int, caller: Caller, body: PassOverRequest) -> Response:
    """Record why a waiting party does not get the table that comes next. Nobody is notified.

    At the door the next party goes first from then on, and a call is taken back. On the waitlist of
    a date the reason is recorded. Name the revision in If-Match: without it a repeat passes the
    party over once more.
    """
    return _move(partial(pass_over, why=body.why), reservation_id, Visitor(caller), None)


@blueprint.post("/reservations/<id:reservation_id>/leave")
@guest_or_staff(Permission.KEEP_DOOR)
@blueprint.input(Nothing, arg_name="body")
@describe(
    blueprint,
    {200: ReservationOut},
    problems=_PROBLEMS,
    headers=("If-Match",),
    security=("guest", "staff"),
)
def left(reservation_id: int, visitor: Visitor, body: Nothing) -> Response:
    """Take the party off the list at the door. Idempotent; nobody is notified."""
    return _move(leave_list, reservation_id, visitor, None)


def _move(
    move: Callable[..., Any], reservation_id: int, visitor: Visitor, status: Status | None
) -> Response:
    now, revision = clock.now(), if_revision() if visitor.by_staff else None
    acts_on = ActsOn(status, revision)

    def work(session: Session) -> ReservationView:
        move(session, reservation_id, now=now, actor=visitor.actor, acts_on=acts_on)
        return view_within(session, reservation_id)

    view = unit(work)
    nudge_after_link()
    return show(view, visitor)
