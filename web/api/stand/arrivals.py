"""Status changes by the host: arrive, seat, finish, no-show, undo, confirm, approve."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import orjson
from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import unit
from models.core.errors import Invalid, unknown_table
from models.operations.reservations.repeats import ActsOn
from models.operations.stand.approving import approve, decline
from models.operations.stand.arrivals import arrive, finish, mark_no_show
from models.operations.stand.confirming import confirm_waitlisted
from models.operations.stand.party_details import arrive_partly, expect_late, record_spend
from models.operations.stand.undo import take_back
from models.operations.tables.placing import Affected
from models.operations.tables.seating import seat_at
from models.queries.accounts.accounts import Caller
from models.queries.reservations.reservations import ReservationView
from models.queries.running import flags
from models.rules.permissions import Permission
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from web.api.endpoint import STAFF, WRITE, View, describe
from web.api.seen import read_view, show, view_within
from web.api.shapes import affected_party
from web.api.tables.forcing import force_of
from web.http.access import Visitor, staff_of_reservation
from web.http.headers import if_revision
from web.nudging import nudge_after_move
from web.schemas.answers import ReservationOut
from web.schemas.stand import (
    ApproveRequest,
    ArriveRequest,
    DeclineRequest,
    LateRequest,
    MoveRequest,
    SeatRequest,
    SpendRequest,
    TakeBackRequest,
)

blueprint = APIBlueprint("arrivals", __name__, url_prefix="/api/v1", tag="The host stand")


def _verb(
    name: str,
    *,
    permission: Permission = Permission.MOVE_PARTIES,
    takes: type[MoveRequest] = MoveRequest,
) -> Callable[[View], View]:
    """Declare a view as `POST /reservations/ID/NAME`, for staff with that permission.

    The view gets `reservation_id`, `caller` and `body`.
    """
    described = describe(
        blueprint,
        {200: ReservationOut},
        problems=(*WRITE, *STAFF, 404, 412),
        headers=("If-Match",),
        security=("staff",),
    )

    def declare(view: View) -> View:
        taken = blueprint.input(takes, arg_name="body")(described(view))
        allowed = staff_of_reservation(permission)(taken)
        blueprint.post(f"/reservations/<id:reservation_id>/{name}")(allowed)
        return view

    return declare


@_verb("arrive", takes=ArriveRequest)
def arrived(reservation_id: int, caller: Caller, body: ArriveRequest) -> Response:
    """Mark the party as arrived, or `covers` of it; send it again when more have come."""
    verb = arrive if body.covers is None else partial(arrive_partly, covers=body.covers)
    return _move(verb, reservation_id, caller, body)


@_verb("late", takes=LateRequest)
def running_late(reservation_id: int, caller: Caller, body: LateRequest) -> Response:
    """Record that the party comes late, by `until`; null: it comes in time after all.

    Until then it is not missed, and no no-show by the clock.
    """
    return _move(partial(expect_late, until=body.until), reservation_id, caller, body)


@_verb("spend", takes=SpendRequest)
def spent(reservation_id: int, caller: Caller, body: SpendRequest) -> Response:
    """Record what a party spent that sits or has left; the guest's record adds it up."""
    amount = None if body.amount is None else int(Decimal(body.amount) * 100)
    return _move(partial(record_spend, amount=amount), reservation_id, caller, body)


@_verb("seat", takes=SeatRequest)
def seated(reservation_id: int, caller: Caller, body: SeatRequest) -> Response:
    """Seat the party: at its assigned tables, or at `tables` (labels).

    A seated party is moved. Parties that have not come make way for `tables` where they can;
    `affected` says who was moved where. If a table is still occupied, 409 names the party there.
    409 `too-large`: the party is larger than `tables` seat, and `squeeze` was not asked.
    """
    restaurant = read_view(reservation_id).restaurant
    ids = tables_by_label(restaurant, body.tables) if body.tables else ()
    force = force_of(restaurant, caller, body)
    made_way: list[Affected] = []

    def seat_here(*about: Any, **more: Any) -> None:
        made_way[:] = seat_at(*about, table_ids=ids, force=force, **more).affected

    answer = _move(seat_here, reservation_id, caller, body)
    facts = answer.get_json() | {"affected": [affected_party(restaurant, it) for it in made_way]}
    answer.set_data(orjson.dumps(facts))
    return answer


@_verb("finish")
def finished(reservation_id: int, caller: Caller, body: MoveRequest) -> Response:
    """Mark the party as left; the rest of its turn is free.

    From the start time on, this is also allowed for a party that was never seated, and for a
    no-show that came after all.
    """
    return _move(finish, reservation_id, caller, body)


@_verb("no-show")
def no_show(reservation_id: int, caller: Caller, body: MoveRequest) -> Response:
    """Mark the reservation as a no-show; its table is free."""
    return _move(mark_no_show, reservation_id, caller, body)


@_verb("take-back", takes=TakeBackRequest)
def taken_back(reservation_id: int, caller: Caller, body: TakeBackRequest) -> Response:
    """Undo the last step: an arrival, a seating, a finish, a no-show, a cancellation, a refusal.

    The party is again where it was before; 409 if its table is taken meanwhile. A cancellation, or
    a refusal of a request, can be undone for 30 minutes: its message is not sent, or, if it has
    gone, the guest is told what holds again, unless `notify` is false. Name the status to undo in
    `from`, or the revision in If-Match. A repeat without either undoes nothing more.
    """
    undo = partial(take_back, notify=body.notify)
    return _move(undo, reservation_id, caller, body)


@_verb("confirm", permission=Permission.WRITE_RESERVATIONS)
def confirmed(reservation_id: int, caller: Caller, body: MoveRequest) -> Response:
    """Confirm a waitlisted party, however near its start is; the guest is notified.

    409 `not-seated` with a `reason` when there is no table.
    """
    flags.refresh()
    return _move(confirm_waitlisted, reservation_id, caller, body)


@_verb("approve", permission=Permission.WRITE_RESERVATIONS, takes=ApproveRequest)
def approved(reservation_id: int, caller: Caller, body: ApproveRequest) -> Response:
    """Approve a request that waits for it: its table is confirmed, and the guest notified."""
    return _move(partial(approve, notify=body.notify), reservation_id, caller, body)


@_verb("decline", permission=Permission.WRITE_RESERVATIONS, takes=DeclineRequest)
def declined(reservation_id: int, caller: Caller, body: DeclineRequest) -> Response:
    """Decline a request that waits for approval: its table is free, and the guest notified.

    `message` is the host's own text in that message.
    """
    answer = partial(decline, notify=body.notify, message=body.message)
    return _move(answer, reservation_id, caller, body)


def tables_by_label(restaurant: RestaurantSpec, labels: list[str]) -> tuple[int, ...]:
    """Return the ids of these tables. Raises Invalid for `tables` on an unknown label."""
    known = {table.label: table.id for table in restaurant.tables}
    unknown = [label for label in labels if label not in known]
    if unknown:
        raise Invalid.field("tables", unknown_table(unknown[0]))
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
