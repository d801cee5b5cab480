"""The host's acts on tables: assign, swap, lock and unlock, and the length of a turn."""

from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import unit
from models.core.errors import Invalid
from models.operations.reservations.repeats import ActsOn
from models.operations.tables.assigning import assign_tables, swap_tables
from models.operations.tables.lengthening import Length, change_turn
from models.operations.tables.locking import set_lock
from models.operations.tables.placing import TableOutcome
from models.queries.accounts.accounts import Caller
from models.queries.reservations.reservations import ReservationView
from models.queries.running import flags
from models.rules.permissions import Permission
from models.rules.reservations.lifecycle import Status
from web.api.endpoint import STAFF, WRITE, View, describe
from web.api.seen import read_view, view_within
from web.api.shapes import (
    affected_party,
    local_text,
    party_in_the_way,
    reservation_facts,
)
from web.api.stand.arrivals import tables_by_label
from web.api.tables.forcing import force_of
from web.http.access import staff_of_reservation
from web.http.headers import if_revision, revision_tag
from web.http.json_body import json_response
from web.nudging import nudge_after_move
from web.schemas.stand import MoveRequest
from web.schemas.tables import (
    AssignRequest,
    SwapRequest,
    TableActOut,
    TurnRequest,
)

blueprint = APIBlueprint("table_acts", __name__, url_prefix="/api/v1", tag="Tables")

_Work = Callable[..., TableOutcome | None]


def _verb(name: str, takes: type[MoveRequest] = MoveRequest) -> Callable[[View], View]:
    """Declare a view as `POST /reservations/ID/NAME`, for staff who may move parties."""
    described = describe(
        blueprint,
        {200: TableActOut},
        problems=(*WRITE, *STAFF, 404, 412),
        headers=("If-Match",),
        security=("staff",),
    )

    def declare(view: View) -> View:
        taken = blueprint.input(takes, arg_name="body")(described(view))
        allowed = staff_of_reservation(Permission.MOVE_PARTIES)(taken)
        blueprint.post(f"/reservations/<id:reservation_id>/{name}")(allowed)
        return view

    return declare


@_verb("assign", AssignRequest)
def assigned(reservation_id: int, caller: Caller, body: AssignRequest) -> Response:
    """Give the party these tables, before it arrives, while it waits, or while it is seated.

    Any tables may be joined. Parties that have not come make way when other tables are free for
    them; `affected` says who was moved where. 409 `table-taken` names each party that cannot be
    moved. The same tables again change nothing.
    """
    restaurant = read_view(reservation_id).restaurant
    force = force_of(restaurant, caller, body)
    given = {"table_ids": tables_by_label(restaurant, body.tables), "lock": body.lock}
    return _act(
        assign_tables, reservation_id, caller, body, force=force, preview=body.preview, **given
    )


@_verb("swap", SwapRequest)
def swapped(reservation_id: int, caller: Caller, body: SwapRequest) -> Response:
    """Exchange the tables of two parties, whether they are here or not. Needs If-Match.

    Others who have these tables later make way as for `assign`.
    """
    _need_revision("swap", preview=body.preview)
    force = force_of(read_view(reservation_id).restaurant, caller, body)
    other = int(body.with_)
    return _act(
        swap_tables, reservation_id, caller, body, other_id=other, force=force, preview=body.preview
    )


@_verb("lock")
def locked(reservation_id: int, caller: Caller, body: MoveRequest) -> Response:
    """Lock the party to its tables: no decision and no act on another party moves it."""
    return _act(set_lock, reservation_id, caller, body, locked=True)


@_verb("unlock")
def unlocked(reservation_id: int, caller: Caller, body: MoveRequest) -> Response:
    """Unlock the party from its tables."""
    return _act(set_lock, reservation_id, caller, body, locked=False)


@_verb("extend", TurnRequest)
def extended(reservation_id: int, caller: Caller, body: TurnRequest) -> Response:
    """Let the party stay longer, shorter (negative minutes), or as long as the shift lasts.

    Parties that it pushes are re-seated where they can be; 409 `table-taken` names the others.
    With `preview` the answer says whom it would push, and nothing is changed.
    """
    if body.minutes is not None:
        _need_revision("minutes", preview=body.preview)
    length = Length(body.until, body.minutes)
    said = {"length": length, "text": body.reason.strip(), "preview": body.preview}
    return _act(change_turn, reservation_id, caller, body, **said)


def _need_revision(what: str, *, preview: bool) -> None:
    """Raise Invalid without If-Match: a repeat would do it a second time."""
    if if_revision() is None and not preview:
        raise Invalid.field("If-Match", f"is required with {what}, so that a repeat does nothing")


def _act(
    work: _Work, reservation_id: int, caller: Caller, body: MoveRequest, **given: Any
) -> Response:
    now = clock.now()
    acts_on = ActsOn(Status(body.from_) if body.from_ else None, if_revision())
    flags.refresh()

    def act(session: Session) -> tuple[TableOutcome, ReservationView]:
        done = work(session, reservation_id, now=now, actor=caller.actor, acts_on=acts_on, **given)
        return done or TableOutcome(), view_within(session, reservation_id)

    outcome, view = unit(act)
    preview = bool(given.get("preview"))
    if not preview:
        nudge_after_move(view.restaurant.id)
    answer = json_response(_facts(view, outcome, preview=preview), 200)
    answer.headers["ETag"] = revision_tag(view.revision)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _facts(view: ReservationView, outcome: TableOutcome, *, preview: bool) -> dict[str, Any]:
    restaurant = view.restaurant
    return reservation_facts(view, for_staff=True) | {
        "preview": preview,
        "new_end": local_text(restaurant, outcome.ends_at or view.ends_at),
        "affected": [affected_party(restaurant, each) for each in outcome.affected],
        "in_the_way": [party_in_the_way(each) for each in outcome.in_the_way],
    }
