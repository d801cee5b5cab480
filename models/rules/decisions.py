"""The decision: what becomes of one party that asks for a table, given the book as it stands."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from models.rules.house import House
from models.rules.lifecycle import Status
from models.rules.pacing import Load, keeps_pace, pacing_of
from models.rules.reseating import (
    CHAIN,
    OFFERED_CHAIN,
    OFFERED_LOOKS,
    Budget,
    Movable,
    Room,
    Shift,
    make_room,
)
from models.rules.seating import Floor, Seats, bits, candidates
from models.rules.turn_times import held_quarters
from models.rules.windows import LAST_QUARTER, Sitting

ALTERNATIVES = 3

#: First and last UTC quarter, both inclusive.
Window = tuple[int, int]
ALWAYS: Window = (0, LAST_QUARTER)


class Reason(StrEnum):
    """Why a party has no table. Public: the API and the messages name it."""

    FULL = "full"
    PACING = "pacing"
    PARTY_TOO_LARGE = "party_too_large"
    CLOSED = "closed"
    TOO_LATE = "too_late"
    SAME_GUEST = "same_guest"
    WAITLIST_FULL = "waitlist_full"


@dataclass(frozen=True, slots=True)
class Ask:
    """One party's wish, as the decision sees it. `quarter`: UTC epoch seconds // 900."""

    party_size: int
    quarter: int
    area_id: int | None = None
    online: bool = True
    waitlist: bool = True
    force_pacing: bool = False
    #: what the party has already, and so is never offered instead
    has: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided. `seats` when confirmed; `reason` otherwise; alternatives are quarters.

    `moves`: who sits elsewhere from now on so that this party has a table.
    """

    status: Status
    seats: Seats = ()
    held: int = 0
    reason: Reason | None = None
    alternatives: tuple[int, ...] = ()
    moves: tuple[Shift, ...] = ()


@dataclass(slots=True)
class Board:
    """A book while decisions are made on it: its floor, its pacing, its waitlist.

    Changed in memory as parties are seated; the operation writes what became of it.
    """

    house: House
    sitting: Sitting
    floor: Floor
    pace: dict[int, Load] = field(default_factory=dict)
    waitlisted: int = 0
    #: who may be moved when no table is free, and whether it is done; None: not looked at yet
    movable: dict[int, Movable] = field(default_factory=dict)
    may_move: bool | None = None
    is_exact: bool = False
    budget: Budget = field(default_factory=Budget)
    #: the searches for room on this board, in order
    searches: list[Room] = field(default_factory=list)
    #: wishes for which no room was found, and what had been freed by then
    _no_room: dict[tuple[int, int, int | None, bool], int] = field(default_factory=dict)
    _offers: dict[tuple[int, int | None, bool], tuple[int, int]] = field(default_factory=dict)

    def seat(self, ask: Ask, seats: Seats, held: int) -> None:
        """Write a party onto the board."""
        self.floor.take(seats, self.floor.mask(ask.quarter, held))
        load = self.pace.setdefault(ask.quarter, Load())
        load.add(ask.party_size, online=ask.online)

    def lift(self, ask: Ask, seats: Seats, held: int) -> None:
        """Take a party off the board (to see whether it could sit elsewhere)."""
        self.floor.release(seats, self.floor.mask(ask.quarter, held))
        load = self.pace.setdefault(ask.quarter, Load())
        load.remove(ask.party_size, online=ask.online)

    def may_be_moved(self, number: int, ask: Ask, seats: Seats, held: int) -> None:
        """This party, on the board already, may be moved later on."""
        wanted = candidates(self.house, ask.party_size, area_id=ask.area_id, online=ask.online)
        mask = self.floor.mask(ask.quarter, held)
        self.movable[number] = Movable(number, wanted, seats, mask, ask.quarter)

    def make_room(self, ask: Ask, wanted: tuple[Seats, ...], mask: int) -> Room | None:
        """Move others so that one of `wanted` is free for the mask; None when nobody can.

        What failed is not tried again before something is freed, and nothing once the budget is
        spent.
        """
        key = (ask.party_size, ask.quarter, ask.area_id, ask.online)
        if not self.may_move or self.budget.left <= 0 or self._no_room.get(key) == self.floor.freed:
            return None
        room = make_room(
            self.floor.taken,
            self.movable.values(),
            wanted,
            mask,
            longest=CHAIN,
            is_exact=self.is_exact,
        )
        self.searches.append(room)
        self.budget.left -= room.looks
        if not room.seats:
            self._no_room[key] = self.floor.freed
            return None
        self.floor.rearrange(
            [(party.seats, party.mask) for party, _ in room.moves],
            [(seats, party.mask) for party, seats in room.moves],
        )
        self.movable |= {party.id: replace(party, seats=seats) for party, seats in room.moves}
        return room


def decide(board: Board, ask: Ask, *, earliest: int, offered: Window = ALWAYS) -> Outcome:
    """Seat the party, or say why not. A confirmed party is on the board afterwards.

    `earliest`: the first quarter that may still be had; `offered`: first and last quarter that
    may be offered instead (from the lead time to the end of the booking window).
    """
    if ask.quarter not in board.sitting.starts:
        return Outcome(Status.DECLINED, reason=Reason.CLOSED)
    if ask.quarter < earliest:
        return _declined(board, ask, Reason.TOO_LATE, offered)
    wanted = candidates(board.house, ask.party_size, area_id=ask.area_id, online=ask.online)
    if not wanted:
        return Outcome(Status.DECLINED, reason=Reason.PARTY_TOO_LARGE)
    reason = try_to_seat(board, ask, wanted)
    if isinstance(reason, Outcome):
        return reason
    return _waitlisted_or_declined(board, ask, reason, offered)


def try_to_seat(board: Board, ask: Ask, wanted: tuple[Seats, ...]) -> Outcome | Reason:
    """Confirmed and on the board, or the reason why not."""
    pacing = pacing_of(board.house, board.sitting.shift)
    load = board.pace.get(ask.quarter)
    if not ask.force_pacing and not keeps_pace(pacing, load, ask.party_size, online=ask.online):
        return Reason.PACING
    held = held_quarters(board.house.policies, board.sitting.shift, party_size=ask.party_size)
    mask = board.floor.mask(ask.quarter, held)
    seats = board.floor.first_free(wanted, mask)
    room = board.make_room(ask, wanted, mask) if seats is None else None
    seats = room.seats if room else seats
    if seats is None:
        return Reason.FULL
    board.seat(ask, seats, held)
    return Outcome(Status.CONFIRMED, seats, held, moves=room.moves if room else ())


def _waitlisted_or_declined(board: Board, ask: Ask, reason: Reason, offered: Window) -> Outcome:
    policies = board.house.policies
    if not (policies.waitlist and ask.waitlist) or _never_fits(board, ask):
        return _declined(board, ask, reason, offered)
    if board.waitlisted >= policies.waitlist_parties:
        return _declined(board, ask, Reason.WAITLIST_FULL, offered)
    board.waitlisted += 1
    return Outcome(Status.WAITLISTED, reason=reason)


def _never_fits(board: Board, ask: Ask) -> bool:
    """Whether even an empty interval would be too slow for this party: waiting is no use."""
    pacing = pacing_of(board.house, board.sitting.shift)
    return not keeps_pace(pacing, None, ask.party_size, online=ask.online)


def _declined(board: Board, ask: Ask, reason: Reason, offered: Window) -> Outcome:
    first, last = offered
    free = offers(board, ask)
    others = [quarter for quarter in free if first <= quarter <= last and quarter != ask.has]
    nearest = sorted(others, key=lambda quarter: (abs(quarter - ask.quarter), quarter))
    return Outcome(
        Status.DECLINED, reason=reason, alternatives=tuple(sorted(nearest[:ALTERNATIVES]))
    )


def offers(board: Board, ask: Ask) -> list[int]:
    """Every start of the sitting at which such a party could be seated now, ascending."""
    key = (ask.party_size, ask.area_id, ask.online)
    remembered = board._offers.get(key)
    if remembered is None or remembered[0] != board.floor.version:
        remembered = board._offers[key] = (board.floor.version, _free(board, ask))
    base = board.sitting.starts[0] if board.sitting.starts else 0
    return [base + bit for bit in bits(remembered[1])]


def full_starts(board: Board, ask: Ask) -> list[int]:
    """Every start at which such a party lacks nothing but a free table, ascending."""
    if not candidates(board.house, ask.party_size, area_id=ask.area_id, online=ask.online):
        return []
    free = set(offers(board, ask))
    return [quarter for quarter in _paced(board, ask) if quarter not in free]


def made_by_moving(board: Board, ask: Ask, starts: Iterable[int]) -> list[int]:
    """Those of the (full) starts at which somebody in the way could simply sit elsewhere.

    Later ones may be left out when the looks of one offer are spent.
    """
    wanted = candidates(board.house, ask.party_size, area_id=ask.area_id, online=ask.online)
    held = held_quarters(board.house.policies, board.sitting.shift, party_size=ask.party_size)
    taken, movable = board.floor.taken, board.movable.values()
    found, looks = [], 0
    for quarter in starts:
        mask = board.floor.mask(quarter, held)
        room = make_room(taken, movable, wanted, mask, longest=OFFERED_CHAIN, is_exact=False)
        looks += room.looks
        if room.seats:
            found.append(quarter)
        if looks > OFFERED_LOOKS:
            break
    return found


def _paced(board: Board, ask: Ask) -> list[int]:
    """The starts that have pace left for such a party."""
    pacing = pacing_of(board.house, board.sitting.shift)
    return [
        quarter
        for quarter in board.sitting.starts
        if keeps_pace(pacing, board.pace.get(quarter), ask.party_size, online=ask.online)
    ]


def _free(board: Board, ask: Ask) -> int:
    """The free starts as bits, counted from the sitting's first start."""
    starts = board.sitting.starts
    if not starts:
        return 0
    first, base = starts[0], board.floor.base
    paced = sum(1 << (quarter - base) for quarter in _paced(board, ask))
    held = held_quarters(board.house.policies, board.sitting.shift, party_size=ask.party_size)
    wanted = candidates(board.house, ask.party_size, area_id=ask.area_id, online=ask.online)
    return board.floor.free_starts(wanted, held, paced) >> (first - base)
