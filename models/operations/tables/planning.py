"""Plan an act on tables: which parties have to give way, and where they sit then.

A party that has not come gives way when another table is free for it, or becomes free by re-seating
parties that may be re-seated. Parties that are here, and locked ones, stay. Nothing is written.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation, TableOccupancy
from models.operations.deciding.occupancy import REACH
from models.operations.stand.seated_tables import sitters
from models.operations.tables.floor_search import FloorSearch
from models.operations.tables.plans import Places, TablePlan, Wish, in_the_way, rows_by_id
from models.queries.deciding.covers import STAYS_QUARTERS
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import quarter_of


def make_plan(
    session: Session,
    restaurant: RestaurantSpec,
    wishes: Sequence[Wish],
    *,
    now: datetime,
    may_cut: bool = False,
) -> TablePlan:
    """Plan for the parties in `wishes` to have their tables. Their books must be locked.

    `may_cut`: the turn of a party that began earlier is cut, instead of the party being moved.
    """
    places = read_places(session, restaurant, wishes)
    own = {wish.row.id for wish in wishes}
    found = _blockers(session, wishes, places, own, now=now, may_cut=may_cut)
    rows = rows_by_id(session, found)
    plan, moving = TablePlan(), list[Reservation]()
    for row in sorted(rows.values(), key=lambda each: (each.starts_at, each.id)):
        first, why = found[row.id], _why_it_stays(row)
        if may_cut and first is not None and _begins(places, row.id) < first:
            plan.cuts[row.id] = first
        elif why:
            plan.in_the_way.append(in_the_way(restaurant, row, places, why))
        else:
            moving.append(row)
    if plan.in_the_way:
        return plan
    books = {row.book_id for row in (*rows.values(), *(wish.row for wish in wishes))}
    search = FloorSearch(session, restaurant, books, places, now=now)
    leaves = dict.fromkeys((*own, *(row.id for row in moving)), 0) | plan.cuts
    search.place_wishes(wishes, leaves, plan, may_cut=may_cut)
    if not plan.blocked:
        search.move(moving, plan)
    return plan


def read_places(session: Session, restaurant: RestaurantSpec, wishes: Sequence[Wish]) -> Places:
    """Return what each party of the restaurant holds around these quarters. One query."""
    row = table_of(TableOccupancy).c
    first = min(wish.first for wish in wishes) - REACH // 2
    last = max(max(wish.last, wish.first) for wish in wishes) + REACH // 2
    query = select(row.reservation_id, row.dining_table_id, row.quarter_hour).where(
        row.restaurant_id == restaurant.id, row.quarter_hour.between(first, last)
    )
    found: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for number, table, quarter in session.execute(query):
        found[number][table].add(quarter)
    return found


def _blockers(
    session: Session,
    wishes: Sequence[Wish],
    places: Places,
    own: Collection[int],
    *,
    now: datetime,
    may_cut: bool,
) -> dict[int, int | None]:
    """Return the parties in the way -> the first quarter needed; None: it sits there now."""
    found: dict[int, int | None] = {}
    for wish in wishes:
        wanted = set(range(wish.first, wish.last + 1))
        for number, tables in places.items():
            if number not in own and any(wanted & tables.get(table, set()) for table in wish.seats):
                found[number] = min(found.get(number) or wish.first, wish.first)
    at_once = [wish for wish in wishes if _needs_now(wish, now, may_cut=may_cut)]
    return found | dict.fromkeys(_sitting(session, at_once, own))


def _sitting(session: Session, wishes: Sequence[Wish], own: Collection[int]) -> list[int]:
    """Return the other parties that sit at the wishes' tables."""
    there = sorted({table for wish in wishes for table in wish.seats})
    found = sitters(session, there) if there else []
    return [each.reservation_id for each in found if each.sits and each.reservation_id not in own]


def _needs_now(wish: Wish, now: datetime, *, may_cut: bool) -> bool:
    """Whether the party sits down, or is due before a party that sits there could be gone."""
    if wish.row.status == Status.SEATED or may_cut:
        return wish.row.status == Status.SEATED
    return wish.held > 0 and wish.first < quarter_of(now) + STAYS_QUARTERS


def _begins(places: Places, number: int) -> int:
    quarters = [min(each) for each in places.get(number, {}).values() if each]
    return min(quarters, default=2**31)


def _why_it_stays(row: Reservation) -> str:
    if row.status != Status.CONFIRMED:
        return row.status
    return "locked" if row.tables_locked else ""
