"""Callbacks from providers: Twilio's delivery status of text messages."""

from typing import Final

from apiflask import APIBlueprint
from flask import Response, request
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import unit
from models.core.errors import NotFound
from models.operations.messages.deliveries import note_delivery
from tasks.messaging.channels.callbacks import is_from_twilio, status_url
from tasks.nudges import nudge_messages
from web.http.access import public

blueprint = APIBlueprint("hooks", __name__, enable_openapi=False)

_NO_HOOK: Final = "there is no such page"


@blueprint.post("/hooks/twilio/<id:message_id>")
@public
def twilio_status(message_id: int) -> Response:
    """Handle Twilio's status callback. 404 unless it is signed with our account's auth token."""
    form, given = request.form, request.headers.get("X-Twilio-Signature", "")
    if not is_from_twilio(status_url(message_id), form, given):
        raise NotFound(_NO_HOOK)
    code = form.get("ErrorCode", "")

    def work(session: Session) -> bool:
        return note_delivery(
            session,
            message_id,
            provider_id=form.get("MessageSid", ""),
            status=form.get("MessageStatus", ""),
            code=int(code) if code.isascii() and code.isdigit() else None,
            now=clock.now(),
        )

    if unit(work):
        nudge_messages()
    return Response(status=204)
