"""Staff resend a guest's manage link, or renew it. They never see the link."""

from apiflask import APIBlueprint
from flask import Response

from models.core import clock
from models.core.database.transactions import unit
from models.operations.reservations.links import send_link
from models.queries.accounts.accounts import Caller
from models.rules.permissions import Permission
from web.api.endpoint import STAFF, WRITE, describe
from web.http.access import staff_of_reservation
from web.http.json_body import json_response
from web.nudging import nudge_after_link
from web.schemas.answers import LinkSentOut
from web.schemas.stand import LinkRequest

blueprint = APIBlueprint("links", __name__, url_prefix="/api/v1", tag="The host stand")


@blueprint.post("/reservations/<id:reservation_id>/link")
@staff_of_reservation(Permission.SEND_LINKS)
@blueprint.input(LinkRequest, arg_name="body")
@describe(blueprint, {200: LinkSentOut}, problems=(*WRITE, *STAFF, 404), security=("staff",))
def send(reservation_id: int, caller: Caller, body: LinkRequest) -> Response:
    """Send the guest the link to this reservation again. Audited.

    With `renew` it is a new link, and the earlier ones become invalid. 409 when the guest has no
    contact, the reservation has ended, or the link was sent three times within the hour.
    """
    now = clock.now()
    channels = unit(
        lambda session: send_link(
            session, reservation_id, renew=body.renew, now=now, actor=caller.actor
        )
    )
    nudge_after_link()
    return json_response({"channels": list(channels)}, Cache_Control="no-store")
