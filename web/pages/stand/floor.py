"""/stand/{slug}/floor: the tables where they stand, coloured by state and time left."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from apiflask import APIBlueprint
from flask import Response

from models.core import clock
from models.queries.accounts.accounts import Caller
from models.queries.book.shapes import BookTable
from models.rules.permissions import Permission
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from web.http.access import staff_at_restaurant
from web.pages.stand.book_list import frame_facts, read_book
from web.pages.stand.lines import BookLine, lines_of, sections_of
from web.pages.stand.page import register_stand, render_stand, to_list, wording_of
from web.pages.stand.plan import FloorPlan, plan_of
from web.pages.stand.sections import shown_sections

blueprint = APIBlueprint("stand_floor", __name__, enable_openapi=False)
register_stand(blueprint)

#: a table that is expected so soon is shown as such
_SOON: Final = timedelta(minutes=45)


@dataclass(frozen=True, slots=True)
class TableState:
    """A table now: who sits there, who comes next, and its colour."""

    table: BookTable
    sits: BookLine | None
    comes: BookLine | None
    #: free, blocked, expected, arrived, late, seated, soon, over
    colour: str


@blueprint.get("/stand/<slug:slug>/floor")
@staff_at_restaurant(Permission.READ_BOOK)
def show(restaurant: RestaurantSpec, caller: Caller) -> Response:
    """Show the floor plan. Audited like every look at the book."""
    if restaurant.covers is not None:  # it has no tables to show
        return to_list(restaurant)
    now = clock.now()
    view = read_book(restaurant, caller, now=now)
    said = wording_of(restaurant)
    lines = lines_of(restaurant, view, said, now=now)
    by_id = {line.row.id: line for line in lines}
    states = {table.id: _state(table, by_id, now) for table in view.tables}
    plan: FloorPlan = plan_of(restaurant)
    sections = sections_of(lines)
    servers = shown_sections(restaurant, view, now=now)
    return render_stand(
        "floor.html",
        restaurant,
        plan=plan,
        states=states,
        servers=servers,
        short_of={table: each.short for each in servers for table in each.tables},
        here=sections["here"],
        coming=[line for line in sections["coming"] if line.row.status is Status.CONFIRMED],
        **frame_facts(restaurant, caller, view, said, now=now, shown="floor"),
    )


def _state(table: BookTable, lines: dict[int, BookLine], now: datetime) -> TableState:
    rows = [lines[each.reservation_id] for each in table.seatings if each.reservation_id in lines]
    sits = next((line for line in rows if line.row.status is Status.SEATED), None)
    waiting = [line for line in rows if line.row.status in (Status.CONFIRMED, Status.ARRIVED)]
    comes = min(waiting, key=lambda line: line.row.starts_at, default=None)
    if sits:
        return TableState(table, sits, comes, sits.urgency or "seated")
    if any(block.starts_at <= now < block.ends_at for block in table.blocks):
        return TableState(table, None, comes, "blocked")
    return TableState(table, None, comes, _expected(comes, now) if comes else "free")


def _expected(comes: BookLine, now: datetime) -> str:
    if comes.row.status is Status.ARRIVED:
        return "arrived"
    if comes.urgency:
        return "late"
    return "expected" if comes.row.starts_at - now < _SOON else "free"
