"""Stop, limit and reopen online booking; close a book; cancel several parties as one act."""

from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading
from models.operations.deciding.seatings import moment
from models.operations.evening.cancelling import Hurt, cancel_parties
from models.operations.evening.closing import Closing, close_tonight
from models.operations.evening.limits import reopen_books, sittings_of, stop_online
from models.queries.accounts.accounts import Caller
from models.queries.evening.limits import limits_of
from models.rules.evening.acts import Fate
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec, book_id, split_book_id
from models.rules.restaurant.sittings import Sitting, quarter_of
from web.api.endpoint import READ, STAFF, WRITE, describe
from web.api.evening.acting import act, party_facts
from web.api.shapes import local_text
from web.http.access import staff_at_restaurant
from web.http.headers import if_revision
from web.http.json_body import json_response
from web.schemas.evening import (
    BookLimitsOut,
    CancelManyRequest,
    ClosedOut,
    CloseRequest,
    DayQuery,
    HurtOut,
    ReopenRequest,
    StopRequest,
)

blueprint = APIBlueprint("limits", __name__, url_prefix="/api/v1", tag="The evening")

_SECURITY = ("staff",)
_WRITE = (*WRITE, *STAFF, 404)


@blueprint.get("/restaurants/<slug:slug>/book/limits")
@staff_at_restaurant(Permission.READ_BOOK)
@blueprint.input(DayQuery, location="query", arg_name="query")
@describe(blueprint, {200: BookLimitsOut}, problems=(*READ, *STAFF, 404, 422), security=_SECURITY)
def limits(restaurant: RestaurantSpec, caller: Caller, query: DayQuery) -> Response:
    """Return what is stopped, limited or closed on a day."""
    books = [book_id(shift.id, query.date) for shift in restaurant.shifts]
    with reading() as session:
        facts = _facts(session, restaurant, books)
    return json_response(facts)


@blueprint.post("/restaurants/<slug:slug>/book/stop")
@staff_at_restaurant(Permission.STOP_ONLINE)
@blueprint.input(StopRequest, arg_name="body")
@describe(
    blueprint,
    {200: BookLimitsOut},
    problems=(*_WRITE, 412),
    headers=("If-Match",),
    security=_SECURITY,
)
def stop(restaurant: RestaurantSpec, caller: Caller, body: StopRequest) -> Response:
    """Stop online booking of a shift or a day, from `from` on, or limit it to `covers`.

    Guests keep their reservations; the staff may book as before.
    """
    sittings = sittings_of(restaurant, body.date, body.shift)

    def work(session: Session) -> dict[str, Any]:
        stop_online(
            session,
            restaurant,
            sittings,
            first=_first(sittings, body),
            covers=body.covers,
            reason=body.reason,
            now=clock.now(),
            actor=caller.actor,
            if_revision=if_revision(),
        )
        return _facts(session, restaurant, _books(sittings))

    return json_response(act(work, restaurant=restaurant, preview=False))


@blueprint.post("/restaurants/<slug:slug>/book/reopen")
@staff_at_restaurant(Permission.STOP_ONLINE)
@blueprint.input(ReopenRequest, arg_name="body")
@describe(blueprint, {200: BookLimitsOut}, problems=_WRITE, security=_SECURITY)
def reopen(restaurant: RestaurantSpec, caller: Caller, body: ReopenRequest) -> Response:
    """Lift stops and limits; with the permission `books:close`, open closed books, too."""
    sittings = sittings_of(restaurant, body.date, body.shift)

    def work(session: Session) -> dict[str, Any]:
        reopen_books(
            session,
            restaurant,
            sittings,
            may_open=caller.has(restaurant.id, Permission.CLOSE_BOOKS),
            now=clock.now(),
            actor=caller.actor,
        )
        return _facts(session, restaurant, _books(sittings))

    return json_response(act(work, restaurant=restaurant, preview=False))


@blueprint.post("/restaurants/<slug:slug>/book/close")
@staff_at_restaurant(Permission.CLOSE_BOOKS)
@blueprint.input(CloseRequest, arg_name="body")
@describe(
    blueprint,
    {200: ClosedOut},
    problems=(*_WRITE, 412),
    headers=("If-Match",),
    security=_SECURITY,
)
def close(restaurant: RestaurantSpec, caller: Caller, body: CloseRequest) -> Response:
    """Close a shift or a day from `from` on: move or cancel the parties to come, and notify them.

    Parties that are here stay; without `from`, so do those whose start is over: they are late, or
    here without a record. `preview` says who would be hurt.
    """
    sittings = sittings_of(restaurant, body.date, body.shift)
    closing = Closing(
        _first(sittings, body),
        body.reason,
        Fate(body.parties),
        body.message,
        body.notify,
        begun=body.from_ is not None,
        within=timedelta(minutes=body.within_minutes),
    )

    def work(session: Session) -> dict[str, Any]:
        hurt = close_tonight(
            session,
            restaurant,
            sittings,
            closing,
            now=clock.now(),
            actor=caller.actor,
            if_revision=if_revision(),
        )
        facts = _facts(session, restaurant, _books(sittings))
        return facts | {"parties": _parties(restaurant, hurt)}

    return json_response(act(work, restaurant=restaurant, preview=body.preview))


@blueprint.post("/restaurants/<slug:slug>/book/cancel")
@staff_at_restaurant(Permission.CLOSE_BOOKS)
@blueprint.input(CancelManyRequest, arg_name="body")
@describe(blueprint, {200: HurtOut}, problems=_WRITE, security=_SECURITY)
def cancel_many(restaurant: RestaurantSpec, caller: Caller, body: CancelManyRequest) -> Response:
    """Cancel several reservations as one act, with the host's own words in the message."""

    def work(session: Session) -> dict[str, Any]:
        hurt = cancel_parties(
            session,
            restaurant,
            {int(each) for each in body.reservations},
            message=body.message,
            notify=body.notify,
            now=clock.now(),
            actor=caller.actor,
        )
        return {"parties": _parties(restaurant, hurt)}

    return json_response(act(work, restaurant=restaurant, preview=body.preview))


def _first(sittings: tuple[Sitting, ...], body: StopRequest | CloseRequest) -> int:
    if body.from_ is not None:
        return quarter_of(body.from_)
    return min(each.starts[0] for each in sittings)


def _books(sittings: tuple[Sitting, ...]) -> list[int]:
    return [each.book_id for each in sittings]


def _facts(session: Session, restaurant: RestaurantSpec, books: list[int]) -> dict[str, Any]:
    return {
        "limits": [
            {
                "shift": restaurant.shift_by_id[split_book_id(each.book_id)[0]].key,
                "kind": each.kind,
                "start": local_text(restaurant, moment(each.from_quarter)),
                "covers": each.covers,
                "reason": each.reason,
                "made_at": local_text(restaurant, each.made_at),
                "made_by": each.made_by,
            }
            for each in limits_of(session, books)
        ]
    }


def _parties(restaurant: RestaurantSpec, hurt: list[Hurt]) -> list[dict[str, Any]]:
    return [
        party_facts(restaurant, each.party)
        | {
            "is_cancelled": each.is_cancelled,
            "moved_to": local_text(restaurant, each.moved_to) if each.moved_to else None,
            "notified_by": list(each.notified_by),
        }
        for each in hurt
    ]
