"""The board: a book in memory while decisions are made on it, with the requests and outcomes."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from models.rules.deciding.reseating import CHAIN, Budget, Movable, Room, Shift, make_room
from models.rules.deciding.seating import NO_AREA, Floor, Seats, candidates
from models.rules.evening.limits import UNLIMITED, Limits
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.closing import last_start
from models.rules.restaurant.covers import full_at, most_covers
from models.rules.restaurant.features import NOTHING, Wants
from models.rules.restaurant.pacing import Load, pacing_at
from models.rules.restaurant.restaurant import Pacing, RestaurantSpec
from models.rules.restaurant.sittings import LAST_QUARTER, Sitting, closed_areas
from models.rules.restaurant.turn_times import (
    buffer_minutes,
    held_quarters,
    in_quarters,
    turn_at,
    turn_in,
)

#: First and last UTC quarter, both inclusive.
Window = tuple[int, int]
ALWAYS: Window = (0, LAST_QUARTER)


class Reason(StrEnum):
    """Why a party has no table. Public: named by the API and the messages."""

    FULL = "full"
    PACING = "pacing"
    PARTY_TOO_LARGE = "party_too_large"
    CLOSED = "closed"
    STOPPED = "stopped"
    TOO_LATE = "too_late"
    SAME_GUEST = "same_guest"
    NO_SHOWS = "no_shows"
    WAITLIST_FULL = "waitlist_full"
    UNPROVED = "unproved"
    #: the staff declined a request that needed their approval, or did not answer it in time
    NOT_APPROVED = "not_approved"
    UNANSWERED = "unanswered"
    #: a change that needs the staff's approval, which nobody gave
    APPROVAL = "approval"


#: In the history only: the staff have blocked the guest, whose answer is FULL.
BLOCKED_REASON = "blocked"

#: Why a booking or change of the staff is impossible, as shown to them.
STAFF_WORDS = {
    Reason.FULL: "no table is free at that time",
    Reason.PACING: "the pacing of that interval is used up",
    Reason.PARTY_TOO_LARGE: "no table or combination seats a party of that size",
    Reason.CLOSED: "the restaurant is closed at that time",
    Reason.STOPPED: "online booking is stopped for that time",
}


def shown_reason(reason: str | None) -> str | None:
    """The reason as shown immediately to the person who made the request.

    Anybody can request a table in a guest's name, so what is known about a guest is shown as FULL:
    that the guest has another table near that time, or did not come too often, is sent in a message
    to the guest's own contact only.
    """
    return Reason.FULL.value if reason in (Reason.SAME_GUEST, Reason.NO_SHOWS) else reason


@dataclass(frozen=True, slots=True)
class Ask:
    """One party's request, as the decision sees it. `quarter`: UTC epoch seconds // 900."""

    party_size: int
    quarter: int
    area_id: int | None = None
    online: bool = True
    waitlist: bool = True
    force_pacing: bool = False
    #: counts towards the online limits without being bound by them: the staff chose it for a guest
    counted_online: bool = False
    #: came without a booking
    walk_in: bool = False
    #: the staff decide for the guest: a stop of online booking does not bind them
    by_staff: bool = False
    #: the turn that the staff chose for it; None: as the rules say
    turn_minutes: int | None = None
    #: features of tables
    wants: Wants = NOTHING
    #: the quarter that the party already has, and so is never offered as an alternative
    has: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision. `seats` when confirmed; `reason` otherwise; alternatives are quarters.

    `moves`: the parties that are re-seated so that this party has a table.
    """

    status: Status
    seats: Seats = ()
    held: int = 0
    reason: Reason | None = None
    alternatives: tuple[int, ...] = ()
    moves: tuple[Shift, ...] = ()
    #: the search for room that this decision made, successful or not
    search: Room | None = None


@dataclass(slots=True)
class Board:
    """A book while decisions are made on it: its floor, its pacing, its waitlist.

    A decision only reads it; `apply` changes it; the operation writes the results to the database.
    """

    restaurant: RestaurantSpec
    sitting: Sitting
    floor: Floor
    pace: dict[int, Load] = field(default_factory=dict)
    waitlisted: int = 0
    #: what the host limited tonight
    limits: Limits = UNLIMITED
    #: parties that may be re-seated when no table is free, and whether re-seating is on; None: not
    #: checked yet
    movable: dict[int, Movable] = field(default_factory=dict)
    may_move: bool | None = None
    is_exact: bool = False
    budget: Budget = field(default_factory=Budget)
    #: the searches for room on this board, in order
    searches: list[Room] = field(default_factory=list)
    #: requests for which no room was found -> the floor's count of releases at that time
    _no_room: dict[tuple[object, ...], int] = field(default_factory=dict)
    #: free starts as bits, with the floor's version that they are valid for
    offered: dict[tuple[object, ...], tuple[int, int]] = field(default_factory=dict)

    def wanted(self, ask: Ask) -> tuple[Seats, ...]:
        """The tables that could seat such a party, the best first."""
        restaurant = self.restaurant
        closed = closed_areas(restaurant, self.sitting) if restaurant.area_closures else NO_AREA
        return candidates(
            self.restaurant,
            ask.party_size,
            area_id=ask.area_id,
            online=ask.online,
            walk_in=ask.walk_in,
            closed=closed,
            wants=ask.wants,
        )

    def held(self, ask: Ask, seats: Seats = ()) -> int:
        """The number of quarters for which such a party holds its tables, `seats` if known."""
        policies, shift = self.restaurant.policies, self.sitting.shift
        if not self.restaurant.turns_vary and ask.turn_minutes is None:
            return held_quarters(policies, shift, party_size=ask.party_size)
        return in_quarters(self.turn(ask, seats) + buffer_minutes(policies, shift))

    def turn(self, ask: Ask, seats: Seats) -> int:
        """The minutes for which such a party keeps these tables; none: those of the area asked."""
        restaurant, shift = self.restaurant, self.sitting.shift
        if ask.turn_minutes is not None:
            return ask.turn_minutes
        if seats:
            return turn_at(restaurant, shift, seats, party_size=ask.party_size)
        return turn_in(restaurant, shift, (ask.area_id,), party_size=ask.party_size)

    def by_turn(self, ask: Ask) -> list[tuple[int, tuple[Seats, ...]]]:
        """The tables that could seat such a party, by the quarters for which it holds them.

        Without those that it would leave after the end of the shift.
        """
        wanted = self.wanted(ask)
        if not self.restaurant.turns_vary:
            return [(self.held(ask), wanted)]
        groups: dict[int, list[Seats]] = {}
        for seats in wanted:
            if self.ends_in_time(ask, seats):
                groups.setdefault(self.held(ask, seats), []).append(seats)
        return [(held, tuple(group)) for held, group in groups.items()]

    def ends_in_time(self, ask: Ask, seats: Seats) -> bool:
        """Whether the party's turn at these tables ends with the shift, where it has to."""
        closes = self.sitting.closes
        if not self.restaurant.turns_vary or closes is None or not ask.online:
            return True
        return ask.quarter + in_quarters(self.turn(ask, seats)) <= closes

    def last_start(self, ask: Ask) -> int:
        """The last quarter at which such a party may start. Staff bookings may run over the end."""
        if not ask.online:
            return LAST_QUARTER
        if ask.turn_minutes is not None and self.sitting.closes is not None:
            return self.sitting.closes - in_quarters(ask.turn_minutes)
        return last_start(
            self.restaurant, self.sitting, party_size=ask.party_size, area_id=ask.area_id
        )

    def first_free(self, ask: Ask, wanted: Iterable[Seats], held: int) -> Seats | None:
        """The first of `wanted` that is free so long, if there is room for the party."""
        if not self.has_room(ask, held):
            return None
        return self.floor.first_free(wanted, self.floor.mask(ask.quarter, held))

    def has_room(self, ask: Ask, held: int) -> bool:
        """Whether the covers in the restaurant leave room; with tables these say alone."""
        most = most_covers(self.restaurant, self.sitting.shift)
        if most is None or ask.force_pacing:
            return True
        span = {"first": ask.quarter, "last": ask.quarter + held - 1}
        return full_at(self.floor.covers, ask.party_size, **span, most=most) is None

    def apply(self, ask: Ask, outcome: Outcome) -> None:
        """Put a decision into effect: seat the party, re-seating others, or count it as waiting."""
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

    def pacing(self, ask: Ask, quarter: int) -> Pacing:
        """The pacing of a start of this book for such a party."""
        own = pacing_at(self.restaurant, self.sitting, quarter)
        return own if ask.by_staff else self.limits.pacing(own, quarter)

    def shut(self, ask: Ask, quarter: int) -> Reason | None:
        """Why the host lets no such party start then; None if they may."""
        if self.limits.is_closed(quarter):
            return Reason.CLOSED
        is_bound = ask.online and not ask.by_staff
        return Reason.STOPPED if is_bound and self.limits.is_stopped(quarter) else None

    def leave_waitlist(self) -> None:
        """Count one waiting party less."""
        self.waitlisted -= 1

    def rejoin_waitlist(self) -> None:
        """Count the party as waiting again, after `leave_waitlist`."""
        self.waitlisted += 1

    def seat(self, ask: Ask, seats: Seats, held: int) -> None:
        """Add a party to the board."""
        self.floor.take(seats, self.floor.mask(ask.quarter, held))
        if self.restaurant.covers is not None:
            self.floor.count(ask.quarter, held, ask.party_size)
        load = self.pace.setdefault(ask.quarter, Load())
        load.add(ask.party_size, online=ask.online or ask.counted_online)

    def lift(self, ask: Ask, seats: Seats, held: int) -> None:
        """Remove a party from the board (to test whether it could sit elsewhere)."""
        self.floor.release(seats, self.floor.mask(ask.quarter, held))
        if self.restaurant.covers is not None:
            self.floor.count(ask.quarter, held, -ask.party_size)
        load = self.pace.setdefault(ask.quarter, Load())
        load.remove(ask.party_size, online=ask.online or ask.counted_online)

    def may_be_moved(self, number: int, ask: Ask, seats: Seats, held: int) -> None:
        """Allow a party that is already on the board to be re-seated later.

        One at a blocked table stays: its table would be free for nobody.
        """
        mask = self.floor.mask(ask.quarter, held)
        if not seats or self.floor.is_blocked(seats, mask):
            return
        self.movable[number] = Movable(number, self.wanted(ask), seats, mask, ask.quarter)

    def find_room(self, ask: Ask, wanted: tuple[Seats, ...], mask: int) -> Room | None:
        """Find moves of others that free one of `wanted` for the mask. Changes nothing.

        None if no party may be re-seated, the budget is spent, or the same search failed and
        nothing was freed since.
        """
        failed = self._no_room.get(_search_key(ask))
        if not self.may_move or self.budget.left <= 0 or failed == self.floor.freed:
            return None
        taken, movable = self.floor.taken, self.movable.values()
        return make_room(taken, movable, wanted, mask, longest=CHAIN, is_exact=self.is_exact)

    def count_search(self, ask: Ask, outcome: Outcome) -> None:
        """Charge the decision's search to the budget, and remember it if it failed."""
        if outcome.search is None:
            return
        self.searches.append(outcome.search)
        self.budget.left -= outcome.search.steps
        if not outcome.search.seats:
            self._no_room[_search_key(ask)] = self.floor.freed


def _search_key(ask: Ask) -> tuple[object, ...]:
    about = ask.party_size, ask.quarter, ask.area_id, ask.online, ask.walk_in
    return *about, ask.turn_minutes, ask.wants.needs
