"""Find other tables for parties whose own no longer suit them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import TableOccupancy
from models.operations.deciding.seatings import Seating
from models.operations.deciding.verdicts import Verdicts
from models.queries.deciding.boards import load_boards
from models.queries.deciding.standing import Upcoming
from models.rules.deciding.objection import Party
from models.rules.deciding.seating import Floor, Seats, candidates
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import areas_closed_at, quarter_of

#: No seating reaches further than this many quarters from its start (two days).
_REACH = 192


@dataclass(frozen=True, slots=True)
class _Sitting:
    """A party with its current seating."""

    party: Party
    seating: Seating


def seat_elsewhere(
    session: Session, after: RestaurantSpec, parties: Sequence[Upcoming], verdicts: Verdicts
) -> dict[int, Seats]:
    """Give parties other tables where possible; return reservation id -> new tables.

    Pacing is not checked. Parties are tried in the given order; those that find nothing are
    tried again once others have left their tables. A party that does not hold its tables as a
    decision would (a person changed them) stays. Three queries.
    """
    held = _read_held(session, after, parties)
    books = {each.party.book_id: after for each in parties}
    boards = load_boards(session, books, now=verdicts.now)
    floors = {number: board.floor for number, board in boards.items()}
    waiting = [sitting for each in parties if (sitting := _sitting(after, each, held))]
    waiting = [each for each in waiting if each.party.book_id in floors]
    given: dict[int, Seats] = {}
    while found := [each for each in waiting if _moves(after, floors, each, verdicts)]:
        given |= {each.seating.reservation_id: _seats(verdicts, each) for each in found}
        waiting = [each for each in waiting if each not in found]
    return given


def _seats(verdicts: Verdicts, sitting: _Sitting) -> Seats:
    return verdicts.seatings[sitting.seating.reservation_id].seats


def _moves(
    after: RestaurantSpec, floors: dict[int, Floor], sitting: _Sitting, verdicts: Verdicts
) -> bool:
    party, own = sitting.party, sitting.seating
    floor = floors[party.book_id]
    mask = floor.mask(own.start, own.held)
    floor.release(own.seats, mask)
    wanted = candidates(
        after,
        party.party_size,
        area_id=party.area_id,
        online=party.online,
        walk_in=party.walk_in,
        closed=areas_closed_at(after, party.starts_at),
        wants=party.wants,
    )
    seats = floor.first_free(wanted, mask)
    floor.take(seats or own.seats, mask)
    if seats is None:
        return False
    verdicts.left[own.reservation_id] = own
    verdicts.seatings[own.reservation_id] = replace(own, seats=seats)
    return True


def _sitting(
    after: RestaurantSpec, who: Upcoming, held: dict[int, dict[int, set[int]]]
) -> _Sitting | None:
    """Return the party's seating; None if it does not hold its tables as a decision would."""
    places, start = held.get(who.id, {}), quarter_of(who.party.starts_at)
    quarters = next(iter(places.values()), set())
    whole = set(range(start, start + len(quarters)))
    if not quarters or any(each != whole for each in places.values()):
        return None
    seats = tuple(sorted(places))
    if seats != who.party.table_ids:
        return None
    return _Sitting(who.party, Seating(after.id, who.id, seats, start, len(whole)))


def _read_held(
    session: Session, after: RestaurantSpec, parties: Iterable[Upcoming]
) -> dict[int, dict[int, set[int]]]:
    """Return reservation id -> table id -> its quarters."""
    starts = {each.id: quarter_of(each.party.starts_at) for each in parties}
    found: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    if not starts:
        return found
    row = table_of(TableOccupancy).c
    query = select(row.reservation_id, row.dining_table_id, row.quarter_hour).where(
        row.restaurant_id == after.id,
        row.quarter_hour.between(min(starts.values()), max(starts.values()) + _REACH),
    )
    for number, table, quarter in session.execute(query):
        if number in starts:
            found[number][table].add(quarter)
    return found
