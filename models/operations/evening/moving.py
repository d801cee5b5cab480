"""Move parties away from tables that they can no longer have, as far as other tables are free."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation, TableOccupancy
from models.operations.deciding.free_tables import find_tables
from models.operations.deciding.seatings import Seating
from models.operations.deciding.verdicts import Verdicts
from models.queries.deciding.boards import load_boards
from models.queries.deciding.parties import COLUMNS, PartyRow, wants_of
from models.rules.deciding.board import Ask, Board, Outcome
from models.rules.deciding.reseating import Room
from models.rules.deciding.seating import Seats
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import quarter_of

#: No seating reaches further than this many quarters from its start (two days).
REACH = 192


@dataclass(frozen=True, slots=True)
class Resettled:
    """A party that was asked to move. `after` is empty if it stays at `before`.

    `left_area`: the guest had asked for an area, and the new tables are in another.
    """

    party: PartyRow
    before: Seats
    after: Seats = ()
    left_area: bool = False


def move_away(
    session: Session,
    restaurant: RestaurantSpec,
    parties: Sequence[PartyRow],
    *,
    now: datetime,
    actor: str,
) -> list[Resettled]:
    """Give each party other tables for the same time, in the given order; return all of them.

    The floor decides, not the pacing: blocked tables are free for nobody. Other parties that have
    not arrived may be re-seated to make room. A party stays if it sits, is locked to its tables, or
    holds them for unequal times. Its books are locked by the caller, who also announces them.
    """
    held = _read_held(session, parties)
    boards = load_boards(session, {row.book_id: restaurant for row in parties}, now=now)
    asked = {row.id for row in parties}
    locked = _read_locked(session, asked)
    mover = _Mover(session, restaurant, boards, Verdicts(now, actor), asked, locked)
    found = [mover.settle(row, held.get(row.id, {})) for row in parties]
    mover.write()
    return found


def _read_held(session: Session, parties: Sequence[PartyRow]) -> dict[int, dict[int, set[int]]]:
    """Return reservation id -> table id -> the quarters that it holds there."""
    row = table_of(TableOccupancy).c
    found: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    if not parties:
        return found
    starts = [quarter_of(each.starts_at) for each in parties]
    query = select(row.reservation_id, row.dining_table_id, row.quarter_hour).where(
        row.restaurant_id == parties[0].restaurant_id,
        row.quarter_hour.between(min(starts) - REACH, max(starts) + REACH),
        row.reservation_id.in_([each.id for each in parties]),
    )
    for number, table, quarter in session.execute(query):
        found[number][table].add(quarter)
    return found


def _read_locked(session: Session, ids: Collection[int]) -> set[int]:
    """Return those of the parties that the host has locked to their tables."""
    row = table_of(Reservation).c
    return set(session.scalars(select(row.id).where(row.id.in_(ids), row.tables_locked.is_(True))))


@dataclass(slots=True)
class _Mover:
    session: Session
    restaurant: RestaurantSpec
    boards: Mapping[int, Board]
    verdicts: Verdicts
    #: the parties that are moved here, each on its own account
    asked: set[int]
    locked: set[int]

    def settle(self, row: PartyRow, places: dict[int, set[int]]) -> Resettled:
        """Find the party other tables, and note what has to be written."""
        stays = Resettled(row, tuple(sorted(places)))
        own = _seating(row, places)
        board = self.boards.get(row.book_id)
        fixed = row.status == Status.SEATED or row.id in self.locked
        if own is None or board is None or fixed:
            return stays
        rest = _from(own, quarter_of(self.verdicts.now))
        mask = board.floor.mask(rest.start, rest.held)
        board.floor.release(own.seats, mask)
        for area_id in dict.fromkeys((row.area_id, None)) if rest.held > 0 else ():
            ask = Ask(
                row.party_size,
                rest.start,
                area_id,
                online=row.source == "online",
                walk_in=row.source == "walk_in",
                wants=wants_of(row),
            )
            room = self._find(board, ask, mask)
            if room.seats:
                self._take(board, own, rest, room, mask)
                left = area_id != row.area_id and not self._within(room.seats, row.area_id)
                self._drop_area(row, left=left)
                return replace(stays, after=room.seats, left_area=left)
        board.floor.take(own.seats, mask)
        return stays

    def _find(self, board: Board, ask: Ask, mask: int) -> Room:
        now, asked = self.verdicts.now, self.asked
        return find_tables(self.session, board, ask, mask, now=now, without=asked)

    def _within(self, seats: Seats, area_id: int | None) -> bool:
        known = self.restaurant.table_by_id
        return area_id is None or all(known[table].area_id == area_id for table in seats)

    def _take(self, board: Board, own: Seating, rest: Seating, room: Room, mask: int) -> None:
        board.floor.rearrange(
            [(party.seats, party.mask) for party, _ in room.moves],
            [(seats, party.mask) for party, seats in room.moves],
        )
        board.movable |= {party.id: replace(party, seats=seats) for party, seats in room.moves}
        board.floor.take(room.seats, mask)
        self.verdicts.left[own.reservation_id] = own
        outcome = Outcome(Status.CONFIRMED, room.seats, rest.held, moves=room.moves)
        self.verdicts.seated(self.restaurant, own.reservation_id, outcome, start=rest.start)

    def _drop_area(self, row: PartyRow, *, left: bool) -> None:
        """The wish for an area that could not be kept is not a promise any more."""
        if left:
            own = update(Reservation).where(Reservation.id == row.id).values(area_id=None)
            self.session.execute(own.execution_options(synchronize_session=False))

    def write(self) -> None:
        """Write the new tables, and a line in the history of each party that moved."""
        if not self.verdicts.left:
            return
        moved = select(*COLUMNS).where(COLUMNS[0].in_(sorted(self.verdicts.left)))
        for row in self.session.execute(moved).all():
            self.verdicts.reseated(row)
        self.verdicts.write(self.session)


def _from(own: Seating, quarter: int) -> Seating:
    """Return the part of the seating that is still to come."""
    start = max(own.start, quarter)
    return replace(own, start=start, held=max(own.start + own.held - start, 0))


def _seating(row: PartyRow, places: dict[int, set[int]]) -> Seating | None:
    """Return what the party holds; None if it holds nothing, or its tables for unequal times."""
    quarters = next(iter(places.values()), set())
    if not quarters or any(each != quarters for each in places.values()):
        return None
    first, held = min(quarters), len(quarters)
    if quarters != set(range(first, first + held)):
        return None
    return Seating(row.restaurant_id, row.id, tuple(sorted(places)), first, held)
