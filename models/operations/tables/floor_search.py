"""The floor with an act's parties in place, on which those that give way look for tables."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from models.core.errors import PartyInTheWay
from models.entities.reservations import Reservation
from models.operations.tables.plans import GivesWay, Places, TablePlan, Wish, in_the_way
from models.queries.deciding.boards import load_boards
from models.queries.deciding.covers import STAYS_QUARTERS
from models.queries.deciding.movable import load_movable
from models.queries.running.flags import is_on
from models.rules.deciding.board import Board
from models.rules.deciding.reseating import CHAIN, Movable, make_room
from models.rules.deciding.seating import Floor, Seats, candidates
from models.rules.flags import Flag
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import quarter_of


class FloorSearch:
    """The floor with all wishes in place, on which the parties that give way look for tables."""

    def __init__(
        self,
        session: Session,
        restaurant: RestaurantSpec,
        books: Collection[int],
        places: Places,
        *,
        now: datetime,
    ) -> None:
        self.session, self.restaurant, self.places, self.now = session, restaurant, places, now
        wanted = dict.fromkeys(sorted(books), restaurant)
        self.boards: dict[int, Board] = load_boards(session, wanted, now=now)
        self.floor: Floor | None = next((each.floor for each in self.boards.values()), None)

    def place_wishes(
        self, wishes: Sequence[Wish], leaves: Mapping[int, int], plan: TablePlan, *, may_cut: bool
    ) -> None:
        """Take parties off the floor, each from a quarter on, and seat those of the wishes."""
        if (floor := self.floor) is None:  # the restaurant is closed then: nobody can be moved
            return
        stays = floor.mask(quarter_of(self.now), STAYS_QUARTERS)
        for wish in wishes:
            if wish.row.status == Status.SEATED:
                floor.release(wish.given, stays)
            elif may_cut:
                floor.release(wish.seats, stays)
        self._lift(floor, leaves)
        blocked: set[int] = set()
        for wish in wishes:
            mask = floor.mask(wish.first, wish.held)
            blocked |= {each for each in wish.seats if self._lacks(floor, wish, each, mask)}
            floor.take(wish.seats, mask)
        plan.blocked = tuple(sorted(blocked))

    def _lacks(self, floor: Floor, wish: Wish, table: int, mask: int) -> bool:
        """Whether the table is not available; a party keeps what it has of a blocked table."""
        for quarter in self.places.get(wish.row.id, {}).get(table, ()):
            mask &= ~floor.mask(quarter, 1)
        return bool(floor.taken.get(table, 0) & mask)

    def _lift(self, floor: Floor, leaves: Mapping[int, int]) -> None:
        """Release what these parties hold; all others hold what they have."""
        for number in leaves:
            for table, quarters in self.places.get(number, {}).items():
                for quarter in quarters:
                    if quarter >= leaves[number]:
                        floor.release((table,), floor.mask(quarter, 1))
        for number, tables in self.places.items():
            if number not in leaves:
                for table, quarters in tables.items():
                    for quarter in quarters:
                        floor.take((table,), floor.mask(quarter, 1))

    def move(self, rows: Sequence[Reservation], plan: TablePlan) -> None:
        """Find other tables for these parties, those with the fewest choices first."""
        floor = self.floor
        if floor is None:
            plan.in_the_way += [self._stays(row) for row in rows]
            return
        asking = sorted((self._movable(row, floor) for row in rows), key=_choices)
        others: dict[int, Movable] | None = None
        by_id = {row.id: row for row in rows}
        for each in asking:
            seats = floor.first_free(each.wanted, each.mask)
            if seats is None:
                others = self._others(by_id) if others is None else others
                seats = self._chain(each, floor, others, plan)
            if seats is None:
                plan.in_the_way.append(self._stays(by_id[each.id]))
                continue
            floor.take(seats, each.mask)
            _note(plan, each, seats)

    def _chain(
        self, party: Movable, floor: Floor, others: dict[int, Movable], plan: TablePlan
    ) -> Seats | None:
        """Re-seat others so that the party has a table; None if that fails."""
        movable = tuple(others.values())
        room = make_room(
            floor.taken, movable, party.wanted, party.mask, longest=CHAIN, is_exact=True
        )
        if not room.seats:
            return None
        floor.rearrange(
            [(each.seats, each.mask) for each, _ in room.moves],
            [(seats, each.mask) for each, seats in room.moves],
        )
        for each, seats in room.moves:
            others[each.id] = replace(each, seats=seats)
            _note(plan, each, seats)
        return room.seats

    def _others(self, without: Collection[int]) -> dict[int, Movable]:
        """Return further parties that may be re-seated, if re-seating is on."""
        number = self.restaurant.id
        if not is_on(Flag.RE_SEATING, restaurant_id=number, key=number):
            return {}
        found: dict[int, Movable] = {}
        for board in self.boards.values():
            load_movable(self.session, board, now=self.now, without=without)
            found |= board.movable
        return found

    def _movable(self, row: Reservation, floor: Floor) -> Movable:
        tables = self.places.get(row.id, {})
        quarters = sorted({each for own in tables.values() for each in own})
        first = max(quarters[0], quarter_of(self.now))
        mask = floor.mask(first, quarters[-1] - first + 1)
        online = row.source == "online"
        place = self.restaurant, row.party_size
        wanted = candidates(*place, area_id=row.area_id, online=online, wants=row.wants)
        return Movable(row.id, wanted, tuple(sorted(tables)), mask, first)

    def _stays(self, row: Reservation) -> PartyInTheWay:
        return in_the_way(self.restaurant, row, self.places, "no_table")


def _note(plan: TablePlan, party: Movable, seats: Seats) -> None:
    """Note the move; a party that moves twice goes from its first tables to its last."""
    before = next((each for each in plan.moves if each.reservation_id == party.id), None)
    if before is not None:
        plan.moves.remove(before)
    given = before.given if before else party.seats
    held = party.mask.bit_count()
    if given != seats:
        plan.moves.append(GivesWay(party.id, given, seats, party.start, held))


def _choices(party: Movable) -> tuple[int, int]:
    return len(party.wanted), party.id
