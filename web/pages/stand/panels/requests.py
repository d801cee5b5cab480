"""/stand/{slug}/requests: the requests of all dates that wait for the staff's approval."""

from dataclasses import dataclass

from apiflask import APIBlueprint
from flask import Response

from models.core.database.transactions import reading
from models.entities.reservations import Reservation
from models.queries.accounts.accounts import Caller
from models.queries.reservations.approvals import waiting_for_approval
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec, split_book_id
from tasks.messaging.templates.wording import Wording, local
from web.api.access_log import audit_read
from web.http.access import staff_at_restaurant
from web.pages.stand.page import register_stand, render_stand, wording_of

blueprint = APIBlueprint("stand_requests", __name__, enable_openapi=False)
register_stand(blueprint)


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """A request as the panel shows it. `day`: the date of its book; `held`: until when it waits."""

    id: int
    revision: int
    name: str
    size: int
    day: str
    when: str
    held: str
    tables: tuple[str, ...]
    area: str
    note: str


@blueprint.get("/stand/<slug:slug>/requests")
@staff_at_restaurant(Permission.READ_BOOK)
def show(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Show them, the nearest deadline first. Audited."""
    audit_read(restaurant.id, caller.actor, "book.read", "requests")
    said = wording_of(restaurant)
    with reading() as session:
        found = waiting_for_approval(session, restaurant.id)
        shown = [_shown(restaurant, said, row, tables) for row, tables in found]
    may_answer = caller.has(restaurant.id, Permission.WRITE_RESERVATIONS)
    return render_stand("requests.html", restaurant, requests=shown, may_answer=may_answer)


def _shown(
    restaurant: RestaurantSpec, said: Wording, row: Reservation, tables: tuple[str, ...]
) -> ShownRequest:
    area, guest = restaurant.area_by_id.get(row.area_id or 0), row.guest
    return ShownRequest(
        row.id,
        row.revision,
        guest.name,
        row.party_size,
        split_book_id(row.book_id)[1].isoformat(),
        said.short(local(row.starts_at, zone=restaurant.zone)),
        said.short(local(row.approve_by or row.starts_at, zone=restaurant.zone)),
        tables,
        area.name if area else "",
        guest.note,
    )
