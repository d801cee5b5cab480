"""The board: a book in memory while decisions are made on it, and the wishes they answer."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from models.rules.deciding.reseating import CHAIN, Budget, Movable, Room, Shift, make_room
from models.rules.deciding.seating import Floor, Seats, candidates
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.closing import last_start
from models.rules.restaurant.pacing import Load
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import LAST_QUARTER, Sitting
from models.rules.restaurant.turn_times import held_quarters

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
    UNPROVED = "unproved"


#: Why the staff's own booking or change cannot be, for them to read.
STAFF_WORDS = {
    Reason.FULL: "no table is free then",
    Reason.PACING: "the pacing of that interval is used up",
    Reason.PARTY_TOO_LARGE: "no table or combination seats such a party",
    Reason.CLOSED: "the restaurant is closed then",
}


def told_reason(reason: str | None) -> str | None:
    """The reason as whoever asked hears it at once.

    Anybody may ask in a guest's name: that the guest has a table about then is told to the guest's
    own contact alone, by message.
    """
    return Reason.FULL.value if reason == Reason.SAME_GUEST else reason


@dataclass(frozen=True, slots=True)
class Ask:
    """One party's wish, as the decision sees it. `quarter`: UTC epoch seconds // 900."""

    party_size: int
    quarter: int
    area_id: int | None = None
    online: bool = True
    waitlist: bool = True
    force_pacing: bool = False
    #: counts for the online limits although it is not held to them: the staff chose it for a guest
    counted_online: bool = False
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
    #: the search for room that this decision made, whether it found any or not
    search: Room | None = None


@dataclass(slots=True)
class Board:
    """A book while decisions are made on it: its floor, its pacing, its waitlist.

    A decision reads it, `apply` changes it; the operation writes what became of it.
    """

    restaurant: RestaurantSpec
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
    #: free starts as bits, and the floor's version that they hold for
    offered: dict[tuple[int, int | None, bool], tuple[int, int]] = field(default_factory=dict)

    def wanted(self, ask: Ask) -> tuple[Seats, ...]:
        """What could seat such a party, the best first."""
        return candidates(self.restaurant, ask.party_size, area_id=ask.area_id, online=ask.online)

    def held(self, ask: Ask) -> int:
        """For how many quarters such a party holds its table."""
        return held_quarters(
            self.restaurant.policies, self.sitting.shift, party_size=ask.party_size
        )

    def last_start(self, ask: Ask) -> int:
        """The last quarter at which such a party may start. The staff may keep it past the end."""
        if not ask.online:
            return LAST_QUARTER
        return last_start(self.restaurant, self.sitting, party_size=ask.party_size)

    def apply(self, ask: Ask, outcome: Outcome) -> None:
        """The outcome stands: the party is seated or waits, and others moved for it."""
        if outcome.status is Status.WAITLISTED:
            self.waitlisted += 1
        if outcome.status is not Status.CONFIRMED:
            return
        self.floor.rearrange(
            [(party.seats, party.mask) for party, _ in outcome.moves],
            [(seats, party.mask) for party, seats in outcome.moves],
        )
        self.movable |= {party.id: replace(party, seats=seats) for party, seats in outcome.moves}
        self.seat(ask, outcome.seats, outcome.held)

    def leave_waitlist(self) -> None:
        """One party less waits."""
        self.waitlisted -= 1

    def rejoin_waitlist(self) -> None:
        """It waits as before."""
        self.waitlisted += 1

    def seat(self, ask: Ask, seats: Seats, held: int) -> None:
        """Write a party onto the board."""
        self.floor.take(seats, self.floor.mask(ask.quarter, held))
        load = self.pace.setdefault(ask.quarter, Load())
        load.add(ask.party_size, online=ask.online or ask.counted_online)

    def lift(self, ask: Ask, seats: Seats, held: int) -> None:
        """Take a party off the board (to see whether it could sit elsewhere)."""
        self.floor.release(seats, self.floor.mask(ask.quarter, held))
        load = self.pace.setdefault(ask.quarter, Load())
        load.remove(ask.party_size, online=ask.online or ask.counted_online)

    def may_be_moved(self, number: int, ask: Ask, seats: Seats, held: int) -> None:
        """This party, on the board already, may be moved later on."""
        mask = self.floor.mask(ask.quarter, held)
        self.movable[number] = Movable(number, self.wanted(ask), seats, mask, ask.quarter)

    def find_room(self, ask: Ask, wanted: tuple[Seats, ...], mask: int) -> Room | None:
        """How others could move so that one of `wanted` is free for the mask. Changes nothing.

        None where nobody may be moved, the budget is spent, or the same search has failed since
        something was freed.
        """
        failed = self._no_room.get(_search_key(ask))
        if not self.may_move or self.budget.left <= 0 or failed == self.floor.freed:
            return None
        taken, movable = self.floor.taken, self.movable.values()
        return make_room(taken, movable, wanted, mask, longest=CHAIN, is_exact=self.is_exact)

    def count_search(self, ask: Ask, outcome: Outcome) -> None:
        """What this decision searched is spent, and is not searched again in vain."""
        if outcome.search is None:
            return
        self.searches.append(outcome.search)
        self.budget.left -= outcome.search.looks
        if not outcome.search.seats:
            self._no_room[_search_key(ask)] = self.floor.freed


def _search_key(ask: Ask) -> tuple[int, int, int | None, bool]:
    return ask.party_size, ask.quarter, ask.area_id, ask.online
