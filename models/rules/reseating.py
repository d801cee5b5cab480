"""Re-seating: when no table is free, whether parties that are still to come could sit elsewhere.

Guests are promised a table, not which. So a party that has not come yet may be moved, and a
reservation is refused only when no order of the tables holds them all, or none was found within
the budget. Everything is counted in looks (one at a table for one party), never in seconds: the
same book gets the same answer on every machine.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from models.rules.seating import Seats, bits

#: Looks for a short chain of moves: a party moves, and whom it moves moves too.
CHAIN_LOOKS: Final = 2_000
CHAIN: Final = 2
#: Looks for the exact search, over all parties that may be moved.
EXACT_LOOKS: Final = 40_000


@dataclass(frozen=True, slots=True)
class Movable:
    """A party that may be moved: what could seat it, where it sits, and the bits that it holds.

    `start`: the quarter of its first bit.
    """

    id: int
    wanted: tuple[Seats, ...]
    seats: Seats
    mask: int
    start: int


#: Stands for the party that asks.
_ASKS: Final = 0
#: A party as it sits, and where it will.
Shift = tuple[Movable, Seats]


class Search(StrEnum):
    """How a search for room ended."""

    #: some party has no table in some quarter, however they sit
    NONE = "none"
    CHAIN = "chain"
    EXACT = "exact"
    #: the looks were spent before anything was found or excluded
    SPENT = "spent"


@dataclass(frozen=True, slots=True)
class Room:
    """What a search came to: the tables for who asks, and who (as it sat) moves where for it."""

    search: Search
    looks: int
    seats: Seats = ()
    moves: tuple[Shift, ...] = ()


def make_room(
    taken: Mapping[int, int],
    movable: Iterable[Movable],
    wanted: tuple[Seats, ...],
    mask: int,
    *,
    is_exact: bool,
) -> Room:
    """Room for one more party at one of `wanted` for `mask`, if the movable ones make it.

    `taken` holds the bits of everybody, also of those who may be moved. The shortest chain of
    moves wins; `is_exact`: where there is none, everybody's place is thought over anew.
    """
    parties = tuple(movable)
    search = _Search(taken, parties)
    if not search.could_fit(wanted, mask):
        return Room(Search.NONE, search.looks)
    for depth in range(1, CHAIN + 1):
        seats = search.chain(wanted, mask, depth=depth)
        if seats is not None:
            return search.room(Search.CHAIN, seats)
    if not is_exact:
        return Room(Search.SPENT, search.looks)
    return search.all_anew(wanted, mask)


class _Search:
    """Tables and parties while they are tried out."""

    def __init__(self, taken: Mapping[int, int], parties: Sequence[Movable]) -> None:
        self.parties = parties
        self.taken = dict(taken)
        self.now = {party.id: party.seats for party in parties}
        self.looks = 0
        self._by_id = {party.id: party for party in parties}
        self._spent = 0

    def room(self, search: Search, seats: Seats) -> Room:
        """The answer: who sits elsewhere than before."""
        moves = tuple(
            (party, self.now[party.id])
            for party in self.parties
            if self.now[party.id] != party.seats
        )
        return Room(search, self.looks, seats, moves)

    # --- could it be at all? In each quarter every party needs a table of its own

    def could_fit(self, wanted: tuple[Seats, ...], mask: int) -> bool:
        """Whether each quarter of the mask, by itself, has a table for everybody then."""
        fixed, tables = self._fixed(), {_ASKS: _tables(wanted)}
        tables |= {party.id: _tables(party.wanted) for party in self.parties}
        for quarter in bits(mask):
            bit = 1 << quarter
            # everybody has a table now: only who asks has to find one
            holder = {
                table: party.id
                for party in self.parties
                if party.mask & bit
                for table in party.seats[:1]
            }
            free = {
                number: [table for table in own if not fixed.get(table, 0) & bit]
                for number, own in tables.items()
            }
            if not self._finds_one(_ASKS, free, holder, set()):
                return False
        return True

    def _finds_one(
        self,
        number: int,
        free: Mapping[int, Sequence[int]],
        holder: dict[int, int],
        seen: set[int],
    ) -> bool:
        """An augmenting path; of joined tables one is enough."""
        for table in free[number]:
            if table in seen:
                continue
            self.looks += 1
            seen.add(table)
            if table not in holder or self._finds_one(holder[table], free, holder, seen):
                holder[table] = number
                return True
        return False

    def _fixed(self) -> dict[int, int]:
        """The bits of those who may not be moved."""
        fixed = dict(self.taken)
        for party in self.parties:
            for table in party.seats:
                fixed[table] &= ~party.mask
        return fixed

    # --- a short chain: who is in the way moves, and moves another at most

    def chain(self, wanted: tuple[Seats, ...], mask: int, *, depth: int) -> Seats | None:
        """Tables for one more party by chains of `depth` moves."""
        self._spent = self.looks + CHAIN_LOOKS
        return self._place(wanted, mask, depth, frozenset())

    def _place(
        self, wanted: tuple[Seats, ...], mask: int, depth: int, hands: frozenset[int]
    ) -> Seats | None:
        for seats in wanted:
            self.looks += 1
            if not any(self.taken.get(table, 0) & mask for table in seats):
                self._take(seats, mask)
                return seats
        if depth:
            for seats in wanted:
                if self.looks > self._spent:
                    return None
                if self._clear(seats, mask, depth, hands):
                    return seats
        return None

    def _clear(self, seats: Seats, mask: int, depth: int, hands: frozenset[int]) -> bool:
        """Whoever is in the way there moves; False, and all as it was, when they cannot."""
        self.looks += 1
        blockers = self._blockers(seats, mask)
        if blockers is None or any(party.id in hands for party in blockers):
            return False
        before = self.taken.copy(), self.now.copy()
        for party in blockers:
            self._free(self.now[party.id], party.mask)
        self._take(seats, mask)
        held = hands.union(party.id for party in blockers)
        for party in blockers:
            found = self._place(party.wanted, party.mask, depth - 1, held)
            if found is None:
                self.taken, self.now = before
                return False
            self.now[party.id] = found
        return True

    def _blockers(self, seats: Seats, mask: int) -> list[Movable] | None:
        """Who sits there then; None when one of them may not be moved."""
        found = [
            party
            for party in self.parties
            if party.mask & mask and not set(seats).isdisjoint(self.now[party.id])
        ]
        for table in seats:
            left = self.taken.get(table, 0) & mask
            for party in found:
                if table in self.now[party.id]:
                    left &= ~party.mask
            if left:
                return None
        return found

    def _take(self, seats: Seats, mask: int) -> None:
        for table in seats:
            self.taken[table] = self.taken.get(table, 0) | mask

    def _free(self, seats: Seats, mask: int) -> None:
        for table in seats:
            self.taken[table] &= ~mask

    # --- everybody's place anew: whoever has the fewest choices left is seated next

    def all_anew(self, wanted: tuple[Seats, ...], mask: int) -> Room:
        """The exact search, within its looks."""
        self.taken = self._fixed()
        self._spent = self.looks + EXACT_LOOKS
        self.now = {}
        if self._seat_all([Movable(_ASKS, wanted, (), mask, 0), *self.parties]):
            return self.room(Search.EXACT, self.now.pop(_ASKS))
        return Room(Search.SPENT if self.looks > self._spent else Search.NONE, self.looks)

    def _seat_all(self, parties: list[Movable]) -> bool:
        if not parties:
            return True
        party, choices = self._tightest(parties)
        rest = [each for each in parties if each is not party]
        for seats in choices:
            if self.looks > self._spent:
                return False
            self._take(seats, party.mask)
            self.now[party.id] = seats
            if self._seat_all(rest):
                return True
            self._free(seats, party.mask)
        self.now.pop(party.id, None)
        return False

    def _tightest(self, parties: list[Movable]) -> tuple[Movable, list[Seats]]:
        """The party with the fewest places left; its own place first, so that few move."""
        best, fewest = parties[0], self._places(parties[0])
        for party in parties[1:]:
            if not fewest:
                break
            places = self._places(party)
            if len(places) < len(fewest):
                best, fewest = party, places
        return best, sorted(fewest, key=lambda seats: seats != best.seats)

    def _places(self, party: Movable) -> list[Seats]:
        self.looks += len(party.wanted)
        taken, mask = self.taken, party.mask
        return [
            seats
            for seats in party.wanted
            if not any(taken.get(table, 0) & mask for table in seats)
        ]


def _tables(wanted: tuple[Seats, ...]) -> tuple[int, ...]:
    """Every table of these candidates, once, in their order."""
    return tuple(dict.fromkeys(table for seats in wanted for table in seats))
