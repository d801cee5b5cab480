"""/stand/{slug}/party/{id}: everything about one party, and what can be done with it."""

from datetime import datetime
from typing import Final

from apiflask import APIBlueprint
from flask import Response

from models.core import clock
from models.core.errors import NotFound
from models.queries.accounts.accounts import Caller
from models.queries.book.shapes import BookReservation, BookView
from models.rules.permissions import Permission
from models.rules.reservations.lifecycle import DOOR, Status
from models.rules.restaurant.restaurant import RestaurantSpec
from tasks.messaging.templates.wording import local
from web.api.access_log import audit_read
from web.http.access import NO_RESERVATION, staff_at_restaurant
from web.pages.stand.book_list import read_book
from web.pages.stand.free_tables import tables_for
from web.pages.stand.lines import lines_of
from web.pages.stand.page import register_stand, render_stand, wording_of

blueprint = APIBlueprint("stand_party", __name__, enable_openapi=False)
register_stand(blueprint)

#: what a host may do with a party in each state, the likeliest first: verbs of the API
VERBS: Final = {
    Status.CONFIRMED: ("arrive", "seat", "no-show", "cancel"),
    Status.ARRIVED: ("seat", "no-show", "cancel", "take-back"),
    Status.SEATED: ("finish", "take-back"),
    Status.WAITLISTED: ("confirm", "cancel"),
    Status.REQUESTED: ("cancel",),
    Status.FINISHED: ("take-back",),
    Status.NO_SHOW: ("arrive", "take-back"),
    Status.CANCELLED: ("take-back",),
}
#: the same for a party on the list at the door
DOOR_VERBS: Final = ("seat", "ready", "leave")
_TABLED: Final = frozenset({Status.CONFIRMED, Status.ARRIVED, Status.SEATED})


@blueprint.get("/stand/<slug:slug>/party/<id:reservation_id>")
@staff_at_restaurant(Permission.READ_BOOK)
def show(restaurant: RestaurantSpec, caller: Caller, reservation_id: int) -> Response:
    """Show one party of the day's book. Audited."""
    now = clock.now()
    view = read_book(restaurant, caller, now=now)
    row = _row(view, reservation_id)
    audit_read(restaurant.id, caller.actor, "guest.read", row.reference)
    said = wording_of(restaurant)
    may_move = caller.has(restaurant.id, Permission.MOVE_PARTIES)
    return render_stand(
        "party.html",
        restaurant,
        row=row,
        line=next(iter(lines_of(restaurant, _only(view, row), said, now=now)), None),
        verbs=_verbs(row) if may_move else (),
        may_move=may_move,
        may_write=caller.has(restaurant.id, Permission.WRITE_RESERVATIONS),
        may_find=caller.has(restaurant.id, Permission.FIND_GUESTS) and has_contact(row),
        proposal=_proposal(restaurant, view, row, now=now) if may_move else None,
        when=said.short(local(row.starts_at, zone=restaurant.zone)),
        local_start=local(row.starts_at, zone=restaurant.zone).isoformat(timespec="minutes")[:16],
        at=lambda moment: said.time(local(moment, zone=restaurant.zone)),
    )


def has_contact(row: BookReservation) -> bool:
    """Whether the guest gave a contact, and so has a record in the guest book."""
    return bool(row.guest_email or row.guest_phone)


def _verbs(row: BookReservation) -> tuple[str, ...]:
    waits_at_door = row.source == DOOR and row.status is Status.WAITLISTED
    return DOOR_VERBS if waits_at_door else VERBS.get(row.status, ())


def _row(view: BookView, reservation_id: int) -> BookReservation:
    found = next((row for row in view.reservations if row.id == reservation_id), None)
    if found is None:
        raise NotFound(NO_RESERVATION)
    return found


def _only(view: BookView, row: BookReservation) -> BookView:
    return BookView(view.service_date, view.revision, view.shifts, view.tables, (row,))


def _proposal(
    restaurant: RestaurantSpec, view: BookView, row: BookReservation, *, now: datetime
) -> object:
    if row.status not in _TABLED:
        return None
    start = row.starts_at if row.status is Status.CONFIRMED else now
    return tables_for(
        restaurant, view, party_size=row.party_size, starts_at=start, now=now, without=row.id
    )
