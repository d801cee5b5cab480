"""Re-seating: when no table is free, whether parties that have not arrived could sit elsewhere.

Guests are promised a table, not a particular one. So a party that has not arrived may be re-seated,
and a request is refused only when no arrangement of the tables holds all parties, or none was found
within the budget. Cost is counted in steps (one step checks one table for one party), never in
seconds: the same book gets the same answer on every machine.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models.rules.deciding.seating import Seats, bits

#: Re-seated parties may displace others: the longest chain of moves in a decision, ...
CHAIN: Final = 2
#: ... and in an offer, which is computed a hundred times as often.
OFFERED_CHAIN: Final = 1
OFFERED_STEPS: Final = 30_000
#: Steps for a chain of each length.
CHAIN_STEPS: Final = 2_000
#: Steps for the exact search, over all parties that may be re-seated.
EXACT_STEPS: Final = 10_000
#: Steps of all searches of one round: the books are locked meanwhile, and others wait.
ROUND_STEPS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Movable:
    """A party that may be re-seated: its possible tables, its present tables, the bits it holds.

    `start`: the quarter of its first bit.
    """

    id: int
    wanted: tuple[Seats, ...]
    seats: Seats
    mask: int
    start: int


#: The id of the party that needs a table.
_ASKS: Final = 0
#: A party with its present tables, and its new tables.
Shift = tuple[Movable, Seats]


class Search(StrEnum):
    """The result of a search for room."""

    #: in some quarter there are not enough tables, however the parties sit
    NONE = "none"
    CHAIN = "chain"
    EXACT = "exact"
    #: the steps were spent before an arrangement was found or excluded
    SPENT = "spent"


@dataclass(slots=True)
class Budget:
    """The steps left for a round."""

    left: int = ROUND_STEPS


@dataclass(frozen=True, slots=True)
class Room:
    """The result of a search: tables for the new party, and the moves of others that free them."""

    search: Search
    steps: int
    seats: Seats = ()
    moves: tuple[Shift, ...] = ()


def make_room(
    taken: Mapping[int, int],
    movable: Iterable[Movable],
    wanted: tuple[Seats, ...],
    mask: int,
    *,
    longest: int,
    is_exact: bool,
) -> Room:
    """Search for tables in `wanted` for one more party for `mask`, re-seating movable parties.

    `taken` holds the bits of all parties, including the movable ones. The shortest chain of moves
    wins, of at most `longest` links. With `is_exact`, if no chain is found, all movable parties are
    seated anew.
    """
    search, asks = _Search(taken, tuple(movable)), Movable(_ASKS, wanted, (), mask, 0)
    if not search.could_fit(wanted, mask):
        return Room(Search.NONE, search.steps)
    for depth in range(1, longest + 1):
        seats = search.chain(asks, depth=depth)
        if seats is not None:
            return search.room(Search.CHAIN, seats)
    if not is_exact:
        return Room(Search.SPENT, search.steps)
    return search.exact_search(asks)


class _Search:
    """Tables and parties while arrangements are tried."""

    def __init__(self, taken: Mapping[int, int], parties: Sequence[Movable]) -> None:
        self.parties = parties
        self.steps = len(parties)
        self._spent = 0
        self._taken = dict(taken)
        self._now = {party.id: party.seats for party in parties}
        #: the bits of parties that may not be re-seated
        self._fixed = dict(taken)
        #: the movable parties at each table
        self._at: dict[int, list[Movable]] = defaultdict(list)
        for party in parties:
            for table in party.seats:
                self._fixed[table] &= ~party.mask
                self._at[table].append(party)
        #: all changes so far: (whether it came or left, the party, the tables)
        self._trail: list[tuple[bool, Movable, Seats]] = []

    def room(self, search: Search, seats: Seats) -> Room:
        """The result, with the parties that sit elsewhere than before."""
        moves = tuple(
            (party, self._now[party.id])
            for party in self.parties
            if self._now[party.id] != party.seats
        )
        return Room(search, self.steps, seats, moves)

    # --- is it possible at all? In each quarter every party needs a table of its own

    def could_fit(self, wanted: tuple[Seats, ...], mask: int) -> bool:
        """Whether each quarter of the mask, taken alone, has a table for every party."""
        for quarter in bits(mask):
            bit = 1 << quarter
            there = [party for party in self.parties if party.mask & bit]
            self.steps += len(there)
            # every other party has a table now: only the new one has to find one
            holder = {table: party for party in there for table in party.seats[:1]}
            seen = {table for table, taken in self._fixed.items() if taken & bit}
            if not self._finds_one(wanted, holder, seen):
                return False
        return True

    def _finds_one(
        self, wanted: tuple[Seats, ...], holder: Mapping[int, Movable], seen: set[int]
    ) -> bool:
        """Whether a chain of parties giving way ends at a free table.

        Of joined tables, one free table is enough.
        """
        asking = [wanted]
        while asking:
            for table in itertools.chain.from_iterable(asking.pop()):
                self.steps += 1
                if table in seen:
                    continue
                if table not in holder:
                    return True
                seen.add(table)
                asking.append(holder[table].wanted)
        return False

    # --- a short chain: a party in the way moves, and may displace others

    def chain(self, asks: Movable, *, depth: int) -> Seats | None:
        """Tables for one more party by a chain of `depth` moves."""
        self._spent = self.steps + CHAIN_STEPS
        return self._place(asks, depth, frozenset((asks.id,)))

    def _place(self, party: Movable, depth: int, hands: frozenset[int]) -> Seats | None:
        """Seat the party and return its tables; None, with nothing changed, if that fails."""
        for seats in party.wanted:
            self.steps += 1
            if self._is_free(seats, party.mask):
                self._change(True, party, seats)
                return seats
        if depth:
            for seats in party.wanted:
                if self.steps > self._spent:
                    return None
                if self._clear(seats, party, depth, hands):
                    return seats
        return None

    def _clear(self, seats: Seats, party: Movable, depth: int, hands: frozenset[int]) -> bool:
        """Re-seat the parties at these tables and seat the party there. Whether that worked."""
        self.steps += 1
        if any(self._fixed.get(table, 0) & party.mask for table in seats):
            return False
        blockers = {
            each.id: each for table in seats for each in self._at[table] if each.mask & party.mask
        }
        if not hands.isdisjoint(blockers):
            return False
        mark, hands = len(self._trail), hands.union(blockers)
        for each in blockers.values():
            self._change(False, each, self._now[each.id])
        self._change(True, party, seats)
        if all(self._place(each, depth - 1, hands) for each in blockers.values()):
            return True
        while len(self._trail) > mark:
            came, each, where = self._trail.pop()
            self._change(not came, each, where)
            self._trail.pop()
        return False

    def _change(self, comes: bool, party: Movable, seats: Seats) -> None:
        """The party comes to these tables, or leaves them."""
        if comes:
            self._hold(seats, party.mask)
            self._now[party.id] = seats
            for table in seats:
                self._at[table].append(party)
        else:
            self._let_go(seats, party.mask)
            for table in seats:
                self._at[table].remove(party)
        self._trail.append((comes, party, seats))

    # --- all parties anew: the party with the fewest choices left is seated next

    def exact_search(self, asks: Movable) -> Room:
        """The exact search, within its steps."""
        self._taken = dict(self._fixed)
        self._spent = self.steps + EXACT_STEPS
        if self._seat_all([asks, *self.parties]):
            return self.room(Search.EXACT, self._now[asks.id])
        return Room(Search.SPENT if self.steps > self._spent else Search.NONE, self.steps)

    def _seat_all(self, parties: list[Movable]) -> bool:
        if not parties:
            return True
        party, choices = self._tightest(parties)
        rest = [each for each in parties if each is not party]
        for seats in choices:
            if self.steps > self._spent:
                return False
            self._hold(seats, party.mask)
            self._now[party.id] = seats
            if self._seat_all(rest):
                return True
            self._let_go(seats, party.mask)
        return False

    def _tightest(self, parties: list[Movable]) -> tuple[Movable, list[Seats]]:
        """The party with the fewest choices, its present tables first, so that few parties move."""
        best, fewest = parties[0], self._places(parties[0])
        for party in parties[1:]:
            if len(fewest) <= 1 or self.steps > self._spent:
                break
            places = self._places(party)
            if len(places) < len(fewest):
                best, fewest = party, places
        return best, sorted(fewest, key=lambda seats: seats != best.seats)

    def _places(self, party: Movable) -> list[Seats]:
        self.steps += len(party.wanted)
        return [seats for seats in party.wanted if self._is_free(seats, party.mask)]

    # --- tables

    def _is_free(self, seats: Seats, mask: int) -> bool:
        return not any(self._taken.get(table, 0) & mask for table in seats)

    def _hold(self, seats: Seats, mask: int) -> None:
        for table in seats:
            self._taken[table] = self._taken.get(table, 0) | mask

    def _let_go(self, seats: Seats, mask: int) -> None:
        for table in seats:
            self._taken[table] &= ~mask
