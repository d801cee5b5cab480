"""/stand/{slug}/party/{id}: everything about one party, and what can be done with it."""

from datetime import datetime, timedelta
from typing import Any, Final

from apiflask import APIBlueprint
from flask import Response

from models.core import clock
from models.core.errors import NotFound
from models.queries.accounts.accounts import Caller
from models.queries.book.shapes import BookReservation, BookView
from models.rules.permissions import Permission
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.reservations.verbs import Verb
from models.rules.restaurant.restaurant import RestaurantSpec
from tasks.messaging.templates.wording import local
from web.api.access_log import audit_read
from web.http.access import NO_RESERVATION, staff_at_restaurant
from web.pages.stand.book_list import read_book
from web.pages.stand.known import known_guests
from web.pages.stand.lines import BookLine, lines_of, times_of
from web.pages.stand.page import register_stand, render_stand, wording_of
from web.pages.stand.panels.acts import acts_of, buttons_of
from web.pages.stand.panels.free_tables import tables_for

blueprint = APIBlueprint("stand_party", __name__, enable_openapi=False)
register_stand(blueprint)

#: a turn is made longer or shorter by so many minutes with one tap
LENGTHS: Final = (-15, 15, 30, 60)
#: "late" means so many minutes from now, or from the start if that is still to come
_LATE: Final = (10, 20, 30, 45)
_MINUTE: Final = timedelta(minutes=1)


@blueprint.get("/stand/<slug:slug>/party/<id:reservation_id>")
@staff_at_restaurant(Permission.READ_BOOK)
def show(restaurant: RestaurantSpec, caller: Caller, reservation_id: int) -> Response:
    """Show one party of the day's book. Audited."""
    now = clock.now()
    view = read_book(restaurant, caller, now=now, with_messages=True)
    row = party_in(view, reservation_id)
    audit_read(restaurant.id, caller.actor, "guest.read", row.reference)
    said = wording_of(restaurant)
    may_move = caller.has(restaurant.id, Permission.MOVE_PARTIES)
    acts = acts_of(row, now) if may_move else frozenset()
    known = known_guests(restaurant, caller, view)
    lines = lines_of(restaurant, view, said, now=now, known=known)
    return render_stand(
        "party.html",
        restaurant,
        row=row,
        line=next((line for line in lines if line.row.id == row.id), None),
        acts=acts,
        verbs=buttons_of(acts),
        may_write=caller.has(restaurant.id, Permission.WRITE_RESERVATIONS),
        may_find=caller.has(restaurant.id, Permission.FIND_GUESTS) and has_contact(row),
        may_force=_forces(restaurant, caller),
        when=said.short(local(row.starts_at, zone=restaurant.zone)),
        local_start=local(row.starts_at, zone=restaurant.zone).isoformat(timespec="minutes")[:16],
        at=times_of(restaurant, said),
        lengths=LENGTHS,
        has_tables=restaurant.covers is None,
        **_table_facts(restaurant, view, row, lines, acts, now=now),
    )


def has_contact(row: BookReservation) -> bool:
    """Whether the guest gave a contact, and so has a record in the guest book."""
    return bool(row.guest_email or row.guest_phone)


def _forces(restaurant: RestaurantSpec, caller: Caller) -> list[str]:
    """Return what this account may override with a reason."""
    forces = {"squeeze": Permission.SQUEEZE_PARTIES, "overlap": Permission.OVERLAP_TURNS}
    return [name for name, needed in forces.items() if caller.has(restaurant.id, needed)]


def party_in(view: BookView, reservation_id: int) -> BookReservation:
    """Return that party of the day. Raises NotFound."""
    found = next((row for row in view.reservations if row.id == reservation_id), None)
    if found is None:
        raise NotFound(NO_RESERVATION)
    return found


def _table_facts(
    restaurant: RestaurantSpec,
    view: BookView,
    row: BookReservation,
    lines: list[BookLine],
    acts: frozenset[Verb],
    *,
    now: datetime,
) -> dict[str, Any]:
    """Return the tables that a party may get, with whom it may swap, and how late it may be."""
    if Verb.ASSIGN not in acts:
        return {}
    start = row.starts_at if row.status is Status.CONFIRMED else now
    others = [line for line in lines if line.row.status in HOLDING and line.row.tables]
    return {
        "proposal": tables_for(
            restaurant, view, party_size=row.party_size, starts_at=start, now=now, without=row.id
        ),
        "all_tables": view.tables,
        "swaps": [line for line in others if line.row.id != row.id and not line.row.tables_locked],
        "lates": _lates(row, now) if Verb.LATE in acts else [],
    }


def _lates(row: BookReservation, now: datetime) -> list[datetime]:
    """Return the times by which a late party may say that it comes: within its turn."""
    begins = max(row.starts_at, now.replace(second=0, microsecond=0))
    return [t for n in _LATE if (t := begins + n * _MINUTE) < row.ends_at]
