"""The party comes, sits down, leaves, or never came: the host's moves."""

from collections.abc import Callable
from functools import partial
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from models.core import clock
from models.core.db import unit
from models.core.errors import Invalid
from models.operations.arrivals import arrive, finish, mark_no_show, seat, take_back
from models.queries.accounts import Caller
from models.rules.house import House
from models.rules.permissions import Permission
from web.access import Visitor, staff_of_reservation
from web.api.endpoint import STAFF, WRITE, describe
from web.api.reservations import read_view, show
from web.nudging import nudge_after_move
from web.schemas.answers import ReservationOut
from web.schemas.requests import Nothing, SeatRequest

blueprint = APIBlueprint("arrivals", __name__, url_prefix="/api/v1", tag="The host stand")

_PROBLEMS = (*WRITE, *STAFF, 404)
_SECURITY = ("staff",)
_MOVES = Permission.MOVE_PARTIES


@blueprint.post("/reservations/<id:reservation_id>/arrive")
@staff_of_reservation(_MOVES)
@blueprint.input(Nothing, arg_name="body")
@describe(blueprint, {200: ReservationOut}, problems=_PROBLEMS, security=_SECURITY)
def arrived(reservation_id: int, caller: Caller, body: Nothing) -> Response:
    """The party is here."""
    return _move(arrive, reservation_id, caller)


@blueprint.post("/reservations/<id:reservation_id>/seat")
@staff_of_reservation(_MOVES)
@blueprint.input(SeatRequest, arg_name="body")
@describe(blueprint, {200: ReservationOut}, problems=_PROBLEMS, security=_SECURITY)
def seated(reservation_id: int, caller: Caller, body: SeatRequest) -> Response:
    """The party sits down: at the tables it was given, or at `tables` (their labels)."""

    ids = tables_by_label(read_view(reservation_id).house, body.tables) if body.tables else ()
    return _move(partial(seat, table_ids=ids), reservation_id, caller)


@blueprint.post("/reservations/<id:reservation_id>/finish")
@staff_of_reservation(_MOVES)
@blueprint.input(Nothing, arg_name="body")
@describe(blueprint, {200: ReservationOut}, problems=_PROBLEMS, security=_SECURITY)
def finished(reservation_id: int, caller: Caller, body: Nothing) -> Response:
    """The party has left; what is left of its turn is free."""
    return _move(finish, reservation_id, caller)


@blueprint.post("/reservations/<id:reservation_id>/no-show")
@staff_of_reservation(_MOVES)
@blueprint.input(Nothing, arg_name="body")
@describe(blueprint, {200: ReservationOut}, problems=_PROBLEMS, security=_SECURITY)
def no_show(reservation_id: int, caller: Caller, body: Nothing) -> Response:
    """Nobody came; the table is free."""
    return _move(mark_no_show, reservation_id, caller)


@blueprint.post("/reservations/<id:reservation_id>/take-back")
@staff_of_reservation(_MOVES)
@blueprint.input(Nothing, arg_name="body")
@describe(blueprint, {200: ReservationOut}, problems=_PROBLEMS, security=_SECURITY)
def taken_back(reservation_id: int, caller: Caller, body: Nothing) -> Response:
    """Take the last move back, where that can be done."""
    return _move(take_back, reservation_id, caller)


def tables_by_label(house: House, labels: list[str]) -> tuple[int, ...]:
    """The ids of these tables. Raises Invalid naming the field."""
    known = {table.label: table.id for table in house.tables}
    unknown = [label for label in labels if label not in known]
    if unknown:
        raise Invalid.field("tables", f"is not a table of this restaurant: {unknown[0]}")
    return tuple(dict.fromkeys(known[label] for label in labels))


def _move(move: Callable[..., Any], reservation_id: int, caller: Caller) -> Response:
    now = clock.now()
    unit(lambda session: move(session, reservation_id, now=now, actor=caller.actor))
    view = read_view(reservation_id)
    nudge_after_move(view.house.id)
    return show(view, Visitor(caller))
