"""Reading a reservation for an answer, and answering with it."""

from flask import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.queries.reservations.reservations import ReservationView, reservation_view
from web.api.shapes import reservation_facts
from web.http.access import Visitor
from web.http.errors import is_unavailable
from web.http.headers import revision_tag
from web.http.json_body import json_response


def show(view: ReservationView, visitor: Visitor, *, status: int = 200, **more: object) -> Response:
    """Return the reservation as this visitor may see it, with its ETag; `more`: further facts."""
    answer = json_response(reservation_facts(view, for_staff=visitor.by_staff) | more, status)
    revision = view.revision if visitor.by_staff else view.guest_revision
    answer.headers["ETag"] = revision_tag(revision)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def read_view(reservation_id: int) -> ReservationView:
    """Return the current reservation. Raises NotFound."""
    with reading() as session:
        return reservation_view(session, reservation_id)


def view_within(session: Session, reservation_id: int) -> ReservationView:
    """Return the reservation as of this transaction, so that no read is needed after the commit."""
    session.flush()
    return reservation_view(session, reservation_id)


def refreshed(view: ReservationView) -> ReservationView:
    """Return the current reservation, or `view` if the database is unavailable."""
    try:
        return read_view(view.id)
    except (DBAPIError, PoolTimeout) as error:
        if not is_unavailable(error):
            raise
        return view
