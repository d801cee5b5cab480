"""The rest of an evening, played: who leaves when, who sits where, and when the list is served.

Pure and without chance: minutes from now. In each play parties stay for other turns, spread as
guests' turns are, and others do not come. The same floor is always played in the same way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, exp, log
from statistics import NormalDist
from typing import Final

from models.rules.deciding.seating import Seats
from models.rules.door.turns import Turns

#: Nobody is quoted a longer wait: within that time too much changes.
LONGEST: Final = 240
#: The evening is played so often.
PLAYS: Final = 31
#: A party that is called comes after so many minutes: its table is held meanwhile.
_COMES: Final = 5
#: A turn counts from the quarter of an hour in which the party comes: so much of it may be over.
BEGUN: Final = 5
#: A party with a reservation is late by so many minutes.
_LATE: Final = 3
#: In this share of the plays, a party with a reservation does not come.
_NO_SHOW: Final = 0.05
#: In this share, a party that waits leaves, or does not come when it is called.
_GIVES_UP: Final = 0.2
#: A party that stays beyond all experience leaves within so many minutes.
_LINGERS: Final = 10
_SHORTEST_TURN: Final = 15
_NORMAL: Final = NormalDist()
_NEARLY: Final = 1 - 1e-9
#: The draws of who comes are others than those of how long.
_PRESENCE: Final = 10_000
_32_BITS: Final = 0xFFFF_FFFF

#: In the place of a table: one cover.
COVER: Final = 0
Taken = dict[int, list[tuple[int, int]]]
Busy = Mapping[int, Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Stay:
    """A party at its tables from `begins` to `ends`, minutes from now; seated ones began before.

    `buffer`: minutes to reset the tables after it. `is_fixed`: it ends as planned, as a block does.
    `others`: the tables to which it may move when its own are not free at its start.
    """

    seats: Seats
    begins: int
    ends: int
    is_seated: bool
    buffer: int = 0
    is_fixed: bool = False
    others: tuple[Seats, ...] = ()

    @property
    def is_to_come(self) -> bool:
        """Whether it is a party with a reservation."""
        return not (self.is_seated or self.is_fixed)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A party that waits: the tables that suit it, best first, and the minutes of its turn.

    `most`: the most covers at once, where these are counted instead of tables. Each cover then
    takes the place COVER once.
    """

    wanted: tuple[Seats, ...]
    turn: int
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """Where a play seats a party: its tables, which are free from `begins` until `ends`."""

    seats: Seats
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Play:
    """One play of the evening: its number, how long parties stay, and the minutes of a reset."""

    number: int
    turns: Turns
    buffer: int = 0

    def floor(self, stays: Iterable[Stay]) -> Taken:
        """When each table is taken, without the list: (from, until), until excluded.

        A party whose table is not free at its start moves to another, or waits for its own.
        """
        taken: Taken = {}
        to_come: list[tuple[int, int, Stay]] = []
        for number, stay in enumerate(stays):
            if stay.is_to_come:
                to_come.append((stay.begins, number, stay))
            else:
                begins = 0 if stay.is_seated else max(stay.begins, 0)
                _take(taken, stay.seats, begins, self._leaves(stay, number))
        to_come.sort(key=lambda each: each[:2])
        for place, (_, number, stay) in enumerate(to_come):
            if self._draw(_PRESENCE + number) >= _NO_SHOW:
                seats, begins, sits = _settle(taken, stay, to_come[place + 1 :])
                stays_for = self._minutes(stay.ends - stay.begins, 0, number)
                _take(taken, seats, begins, sits + _LATE + stays_for + stay.buffer)
        return taken

    def serve(self, taken: Taken, waiting: Sequence[Waiting]) -> list[Planned | None]:
        """Seat the list in its order, each party at the first time at which it has a table.

        None: there is none within LONGEST minutes. `taken` has the parties afterwards.
        """
        return [self._served(taken, party, number) for number, party in enumerate(waiting)]

    def place(self, taken: Busy, party: Waiting) -> Planned | None:
        """The earliest place; among tables free at the same time, the one that suits best."""
        found: tuple[int, Seats] | None = None
        needed = party.turn + self.buffer - BEGUN
        for seats in party.wanted:
            if party.most is None:
                begins = _free_from(taken, seats, needed)
            else:
                begins = _room_from(taken.get(COVER, ()), len(seats), needed, most=party.most)
            if begins < LONGEST and (found is None or begins < found[0]):
                found = begins, seats
            if begins == 0:
                break
        return Planned(found[1], found[0], found[0] + needed) if found else None

    def _served(self, taken: Taken, party: Waiting, number: int) -> Planned | None:
        place = self.place(taken, party)
        if place is not None and self._draw(-_PRESENCE - number) >= _GIVES_UP:
            stays_for = self._minutes(party.turn, 0, -1 - number)
            _take(taken, place.seats, place.begins, place.begins + _COMES + stays_for + self.buffer)
        return place

    def _leaves(self, stay: Stay, number: int) -> int:
        if stay.is_fixed:
            return stay.ends
        minutes = self._minutes(stay.ends - stay.begins, -stay.begins, number)
        return stay.begins + minutes + stay.buffer

    def _minutes(self, planned: int, since: int, number: int) -> int:
        """How long a party stays in all, which has been there for `since` minutes."""
        middle = log(max(planned, _SHORTEST_TURN) * self.turns.middle)
        spread, drawn = self.turns.spread, self._draw(number)
        over = _NORMAL.cdf((log(since) - middle) / spread) if since > 0 else 0.0
        at = _NORMAL.inv_cdf(min(over + (1 - over) * drawn, _NEARLY))
        return max(ceil(exp(middle + spread * at)), since + ceil(_LINGERS * drawn))

    def _draw(self, number: int) -> float:
        return _draws(number)[self.number]


@lru_cache(maxsize=2048)
def _draws(number: int) -> tuple[float, ...]:
    """A party's draw in each play: evenly spread over the plays, in an order of its own."""
    order = sorted(range(PLAYS), key=lambda play: _mixed(number * PLAYS + play))
    return tuple((each + 0.5) / PLAYS for each in order)


def _mixed(number: int) -> int:
    """A number that looks like chance, always the same one (the last step of MurmurHash3)."""
    mixed = number & _32_BITS
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        mixed = ((mixed ^ (mixed >> shift)) * factor) & _32_BITS
    return mixed ^ (mixed >> 16)


def _settle(
    taken: Busy, stay: Stay, later: Sequence[tuple[int, int, Stay]]
) -> tuple[Seats, int, int]:
    """Where a party with a reservation sits, from when on the tables are its own, and it sits."""
    begins = max(stay.begins, 0)
    seats, free = stay.seats, _last_end(taken, stay.seats)
    if free <= begins or COVER in seats:  # where covers are counted, nobody sits at its table
        return seats, begins, begins
    meant = {table for start, _, each in later if start < stay.ends for table in each.seats}
    for other in stay.others:
        if meant.isdisjoint(other) and (sooner := _last_end(taken, other)) < free:
            seats, free = other, sooner
        if free <= begins:
            break
    return seats, begins, max(begins, free)


def _take(taken: Taken, seats: Seats, begins: int, until: int) -> None:
    for table in seats if until > begins else ():
        spans = taken.setdefault(table, [])
        spans.append((begins, until))
        spans.sort()


def _last_end(taken: Busy, seats: Seats) -> int:
    return max((end for table in seats for _, end in taken.get(table, ())), default=0)


def _free_from(taken: Busy, seats: Seats, needed: int) -> int:
    """The first minute from which all these tables are free for `needed` minutes."""
    spans = taken.get(seats[0], ())
    if len(seats) > 1:
        spans = sorted(span for table in seats for span in taken.get(table, ()))
    begins = 0
    for start, end in spans:
        if start >= begins + needed:
            break
        begins = max(begins, end)
    return begins


def _room_from(spans: Sequence[tuple[int, int]], covers: int, needed: int, *, most: int) -> int:
    """The first minute from which there is room for so many covers for `needed` minutes."""
    for begins in sorted({0, *(end for _, end in spans)}):
        near = [(start, end) for start, end in spans if start < begins + needed and end > begins]
        moments = {begins, *(start for start, _ in near if start > begins)}
        there = [sum(start <= at < end for start, end in near) for at in moments]
        if max(there) + covers <= most:
            return begins
    return LONGEST
