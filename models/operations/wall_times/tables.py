"""Tables for parties that all move to another instant: their own if they are free then."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import TableOccupancy
from models.queries.deciding.standing import Upcoming
from models.rules.deciding.seating import Seats, candidates
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import areas_closed_at, quarter_of

#: No seating reaches further than this many quarters from its start (two days).
_REACH = 192
_Taken = dict[tuple[int, int], int]


@dataclass(slots=True)
class WallTimePlace:
    """The seats of a party from the quarter `start` on; if it has none, `why` gives the reason.

    `own` are its previous tables, which it held from `begins` for as many quarters.
    """

    start: int
    begins: int
    own: Seats
    held: int
    seats: Seats = ()
    why: str = ""


def find_places(
    session: Session, restaurant: RestaurantSpec, comers: Sequence[tuple[Upcoming, int]]
) -> dict[int, WallTimePlace]:
    """Return a place for each party that holds tables, at its new quarter. One query.

    All move at the same time: a party may take what another leaves. Pacing is not checked.
    """
    seated = [(who, quarter) for who, quarter in comers if who.party.status is Status.CONFIRMED]
    taken = _read_taken(session, restaurant, seated)
    held: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for (table, quarter), number in taken.items():
        held[number][table].add(quarter)
    places = {who.id: _place(who, quarter, held[who.id]) for who, quarter in seated}
    waiting = [who for who, _ in seated if not places[who.id].why]
    while waiting:
        placed = [
            who for who in waiting if _sits_at_its_own(restaurant, who, places[who.id], taken)
        ]
        if not placed:
            placed = _one_elsewhere(restaurant, waiting, places, taken)
        if not placed:
            break
        waiting = [who for who in waiting if who not in placed]
    for who in waiting:
        places[who.id].why = "no table is free at that time"
    return places


def _place(who: Upcoming, start: int, held: dict[int, set[int]]) -> WallTimePlace:
    begins = quarter_of(who.party.starts_at)
    quarters = next(iter(held.values()), set())
    whole = set(range(begins, begins + len(quarters)))
    place = WallTimePlace(start, begins, tuple(sorted(held)), len(quarters))
    is_plain = bool(quarters) and all(each == whole for each in held.values())
    if not is_plain or place.own != who.party.table_ids:
        place.why = "its tables or times were changed by the staff"
    return place


def _sits_at_its_own(
    restaurant: RestaurantSpec, who: Upcoming, place: WallTimePlace, taken: _Taken
) -> bool:
    are_there = all(table in restaurant.table_by_id for table in place.own)
    return are_there and _sit(who, place, place.own, taken)


def _one_elsewhere(
    restaurant: RestaurantSpec,
    waiting: Sequence[Upcoming],
    places: dict[int, WallTimePlace],
    taken: _Taken,
) -> list[Upcoming]:
    """Seat the first party that finds other tables: those it leaves may be another's own."""
    for who in waiting:
        party = who.party
        wanted = candidates(
            restaurant,
            party.party_size,
            area_id=party.area_id,
            online=party.online,
            walk_in=party.walk_in,
            closed=areas_closed_at(restaurant, party.starts_at),
            wants=party.wants,
        )
        if any(_sit(who, places[who.id], seats, taken) for seats in wanted):
            return [who]
    return []


def _sit(who: Upcoming, place: WallTimePlace, seats: Seats, taken: _Taken) -> bool:
    """Seat the party there if these tables are free, and free those it leaves."""
    quarters = range(place.start, place.start + place.held)
    wanted = [(table, quarter) for table in seats for quarter in quarters]
    if any(taken.get(each, who.id) != who.id for each in wanted):
        return False
    for table in place.own:
        for quarter in range(place.begins, place.begins + place.held):
            taken.pop((table, quarter), None)
    taken |= dict.fromkeys(wanted, who.id)
    place.seats = seats
    return True


def _read_taken(
    session: Session, restaurant: RestaurantSpec, comers: Sequence[tuple[Upcoming, int]]
) -> _Taken:
    """Return (table, quarter) -> reservation id, for quarters that the parties leave or enter."""
    if not comers:
        return {}
    starts = [quarter for _, quarter in comers]
    starts += [quarter_of(who.party.starts_at) for who, _ in comers]
    row = table_of(TableOccupancy).c
    query = select(row.dining_table_id, row.quarter_hour, row.reservation_id).where(
        row.restaurant_id == restaurant.id,
        row.quarter_hour.between(min(starts), max(starts) + _REACH),
    )
    return {(table, quarter): number for table, quarter, number in session.execute(query)}
