"""Failed messages of one restaurant: list them, and resend those that are still true."""

from functools import partial
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.errors import NotFound
from models.entities.messages import Message
from models.operations.messages.resending import send_again, send_all_again
from models.queries.accounts.accounts import Caller
from models.queries.messages.failed import FailedMessage, failed_messages
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec
from tasks.nudges import nudge_messages
from web.api.endpoint import READ, STAFF, WRITE, describe
from web.api.shapes import local_text
from web.http.access import staff_at_restaurant
from web.http.json_body import json_response
from web.schemas.messages import (
    FAILED_AT_ONCE,
    FailedMessagesOut,
    FailedQuery,
    SendAgainRequest,
    SentAgainOut,
)

blueprint = APIBlueprint("messages", __name__, url_prefix="/api/v1", tag="Messages")

_SECURITY: Final = ("staff",)
#: Maximum of messages that one request queues again.
_AT_ONCE: Final = 500


@blueprint.get("/restaurants/<slug:slug>/messages/failed")
@staff_at_restaurant(Permission.SEND_AGAIN)
@blueprint.input(FailedQuery, location="query", arg_name="query")
@describe(
    blueprint, {200: FailedMessagesOut}, problems=(*READ, *STAFF, 404, 422), security=_SECURITY
)
def list_failed(restaurant: RestaurantSpec, caller: Caller, query: FailedQuery) -> Response:
    """List the messages that failed permanently, newest first, with the reason."""
    with reading() as session:
        found = failed_messages(
            session, restaurant_id=restaurant.id, before=query.before, limit=FAILED_AT_ONCE
        )
    body: dict[str, Any] = {
        "messages": [_facts(restaurant, each) for each in found],
        "next": str(found[-1].id) if len(found) == FAILED_AT_ONCE else None,
    }
    answer = json_response(body)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.post("/restaurants/<slug:slug>/messages/<id:message_id>/send-again")
@staff_at_restaurant(Permission.SEND_AGAIN)
@describe(blueprint, {200: SentAgainOut}, problems=(*READ, *STAFF, 404, 409), security=_SECURITY)
def send_one_again(restaurant: RestaurantSpec, caller: Caller, message_id: int) -> Response:
    """Resend a failed message. Audited. 409 when it has not failed or is no longer true."""

    def work(session: Session) -> None:
        row = session.get(Message, message_id)
        if row is None or row.restaurant_id != restaurant.id:
            raise NotFound("there is no such message")
        send_again(session, message_id, now=clock.now(), actor=caller.actor)

    unit(work)
    nudge_messages()
    return json_response({"queued": 1, "void": 0, "is_all": True})


@blueprint.post("/restaurants/<slug:slug>/messages/send-again")
@staff_at_restaurant(Permission.SEND_AGAIN)
@blueprint.input(SendAgainRequest, arg_name="body")
@describe(blueprint, {200: SentAgainOut}, problems=(*WRITE, *STAFF, 404), security=_SECURITY)
def send_some_again(restaurant: RestaurantSpec, caller: Caller, body: SendAgainRequest) -> Response:
    """Resend messages that failed since `since` and are still true, 500 per request. Audited."""
    done = unit(
        partial(
            send_all_again,
            since=body.since,
            restaurant_id=restaurant.id,
            limit=_AT_ONCE,
            now=clock.now(),
            actor=caller.actor,
        )
    )
    if done.queued:
        nudge_messages()
    return json_response(
        {"queued": len(done.queued), "void": len(done.void), "is_all": done.is_all}
    )


def _facts(restaurant: RestaurantSpec, failed: FailedMessage) -> dict[str, Any]:
    return {
        "id": str(failed.id),
        "reference": failed.reference,
        "kind": failed.kind,
        "channel": failed.channel,
        "state": failed.state,
        "reason": failed.reason,
        "attempts": failed.attempts,
        "created_at": local_text(restaurant, failed.created_at),
        "last_due_at": local_text(restaurant, failed.last_due_at),
    }
