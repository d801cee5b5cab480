"""The party comes, sits down, leaves, or never came: the host's moves."""

from collections.abc import Callable
from functools import partial
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import unit
from models.core.errors import Invalid
from models.operations.reservations.repeats import ActsOn
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.operations.stand.confirming import confirm_waitlisted
from models.operations.stand.undo import take_back
from models.queries.accounts.accounts import Caller
from models.queries.reservations.reservations import ReservationView
from models.queries.running import flags
from models.rules.permissions import Permission
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.endpoint import STAFF, WRITE, describe
from web.api.seen import read_view, show, view_within
from web.http.access import Visitor, staff_of_reservation
from web.http.headers import if_revision
from web.nudging import nudge_after_move
from web.schemas.answers import ReservationOut
from web.schemas.requests import MoveRequest, SeatRequest

blueprint = APIBlueprint("arrivals", __name__, url_prefix="/api/v1", tag="The host stand")

_PROBLEMS = (*WRITE, *STAFF, 404, 412)
_HEADERS = ("If-Match",)
_SECURITY = ("staff",)
_MOVES = Permission.MOVE_PARTIES


@blueprint.post("/reservations/<id:reservation_id>/arrive")
@staff_of_reservation(_MOVES)
@blueprint.input(MoveRequest, arg_name="body")
@describe(
    blueprint,
    {200: ReservationOut},
    problems=_PROBLEMS,
    headers=_HEADERS,
    security=_SECURITY,
)
def arrived(reservation_id: int, caller: Caller, body: MoveRequest) -> Response:
    """The party is here."""
    return _move(arrive, reservation_id, caller, body)


@blueprint.post("/reservations/<id:reservation_id>/seat")
@staff_of_reservation(_MOVES)
@blueprint.input(SeatRequest, arg_name="body")
@describe(
    blueprint,
    {200: ReservationOut},
    problems=_PROBLEMS,
    headers=_HEADERS,
    security=_SECURITY,
)
def seated(reservation_id: int, caller: Caller, body: SeatRequest) -> Response:
    """The party sits down: at the tables it was given, or at `tables` (their labels).

    One that sits already moves there. Where somebody still sits, 409 names who.
    """
    ids = tables_by_label(read_view(reservation_id).restaurant, body.tables) if body.tables else ()
    return _move(partial(seat, table_ids=ids), reservation_id, caller, body)


@blueprint.post("/reservations/<id:reservation_id>/finish")
@staff_of_reservation(_MOVES)
@blueprint.input(MoveRequest, arg_name="body")
@describe(
    blueprint,
    {200: ReservationOut},
    problems=_PROBLEMS,
    headers=_HEADERS,
    security=_SECURITY,
)
def finished(reservation_id: int, caller: Caller, body: MoveRequest) -> Response:
    """The party has left; what is left of its turn is free.

    From the start on this can also be said of one that nobody seated, and of a no-show: it came.
    """
    return _move(finish, reservation_id, caller, body)


@blueprint.post("/reservations/<id:reservation_id>/no-show")
@staff_of_reservation(_MOVES)
@blueprint.input(MoveRequest, arg_name="body")
@describe(
    blueprint,
    {200: ReservationOut},
    problems=_PROBLEMS,
    headers=_HEADERS,
    security=_SECURITY,
)
def no_show(reservation_id: int, caller: Caller, body: MoveRequest) -> Response:
    """Nobody came; the table is free."""
    return _move(mark_no_show, reservation_id, caller, body)


@blueprint.post("/reservations/<id:reservation_id>/take-back")
@staff_of_reservation(_MOVES)
@blueprint.input(MoveRequest, arg_name="body")
@describe(
    blueprint,
    {200: ReservationOut},
    problems=_PROBLEMS,
    headers=_HEADERS,
    security=_SECURITY,
)
def taken_back(reservation_id: int, caller: Caller, body: MoveRequest) -> Response:
    """Take a no-show, a seating or a finish back.

    Name what is taken back in `from`, or in If-Match. A repeat without either takes nothing more
    back.
    """
    return _move(take_back, reservation_id, caller, body)


@blueprint.post("/reservations/<id:reservation_id>/confirm")
@staff_of_reservation(Permission.WRITE_RESERVATIONS)
@blueprint.input(MoveRequest, arg_name="body")
@describe(
    blueprint,
    {200: ReservationOut},
    problems=_PROBLEMS,
    headers=_HEADERS,
    security=_SECURITY,
)
def confirmed(reservation_id: int, caller: Caller, body: MoveRequest) -> Response:
    """A waitlisted party has a table, however near its start is; the guest is told.

    409 `not-seated` with a `reason` when there is none.
    """
    flags.refresh()
    return _move(confirm_waitlisted, reservation_id, caller, body)


def tables_by_label(restaurant: RestaurantSpec, labels: list[str]) -> tuple[int, ...]:
    """The ids of these tables. Raises Invalid naming the field."""
    known = {table.label: table.id for table in restaurant.tables}
    unknown = [label for label in labels if label not in known]
    if unknown:
        raise Invalid.field("tables", f"is not a table of this restaurant: {unknown[0]}")
    return tuple(dict.fromkeys(known[label] for label in labels))


def _move(
    move: Callable[..., Any], reservation_id: int, caller: Caller, body: MoveRequest
) -> Response:
    now = clock.now()
    acts_on = ActsOn(Status(body.from_) if body.from_ else None, if_revision())

    def work(session: Session) -> ReservationView:
        move(session, reservation_id, now=now, actor=caller.actor, acts_on=acts_on)
        return view_within(session, reservation_id)

    view = unit(work)
    nudge_after_move(view.restaurant.id)
    return show(view, Visitor(caller))
