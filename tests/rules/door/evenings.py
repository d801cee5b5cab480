"""An evening played minute by minute, to hold the quotes at the door against the waits.

Pure and seeded. Parties keep their tables for turns that vary as turns do; a host calls whoever is
first and has a table for a whole turn, as the product does.
"""

from dataclasses import dataclass, field
from math import exp
from random import Random
from typing import Final

from models.rules.deciding.seating import Seats
from models.rules.door.plays import Stay, Waiting
from models.rules.door.quotes import Quote, newcomer_quotes
from models.rules.door.turns import Turns

#: table -> the parties that it seats; two tables for large parties may be joined
TABLES: Final = (
    dict.fromkeys(range(1, 15), (1, 2))
    | dict.fromkeys(range(15, 26), (2, 4))
    | dict.fromkeys(range(26, 29), (4, 6))
)
_JOINED: Final = {(15, 16): (5, 8), (17, 18): (5, 8)}
_SIZES: Final = {1: 4, 2: 50, 3: 10, 4: 24, 5: 5, 6: 6, 8: 2}
_TURNS: Final = ((2, 75), (4, 90), (8, 105))
#: minutes to come when called; when the first joins, and the last
_READY, _OPENS, _CLOSES = 10, 60, 225
#: nobody waits for longer than that
_TOO_LONG: Final = 75


@dataclass(slots=True)
class Party:
    """A party: when it comes, how long it keeps its table, and how long it waits at most."""

    size: int
    start: int
    comes: int
    stays: float
    seats: Seats = ()
    sits_since: int | None = None
    patience: int = 999
    ready_since: int | None = None
    quote: Quote | None = None
    waited: int | None = None
    missed: bool = False

    @property
    def turn(self) -> int:
        return next(minutes for most, minutes in _TURNS if self.size <= most)

    @property
    def ends(self) -> int:
        """When its turn ends as planned."""
        return (self.start if self.sits_since is None else self.sits_since) + self.turn


@dataclass(frozen=True, slots=True)
class Habits:
    """How guests of a restaurant behave: `share` of the planned turn in the middle, and spread."""

    share: float = 1.0
    spread: float = 0.22
    no_shows: float = 0.05
    gives_up: float = 0.12
    misses: float = 0.1


#: as planned, and before it
KEPT: Final = Habits()
EARLY: Final = Habits(share=0.85)


@dataclass(slots=True)
class Evening:
    """One evening of such guests, in a restaurant that quotes by such turns."""

    random: Random
    habits: Habits
    turns: Turns
    now: int = 0
    coming: list[Party] = field(default_factory=list)
    sitting: list[Party] = field(default_factory=list)
    line: list[Party] = field(default_factory=list)
    joined: list[Party] = field(default_factory=list)

    def play(self, *, reservations: int, at_the_door: int) -> list[Party]:
        """Play from the first start to the end; return who joined the list."""
        for _ in range(reservations):
            self._reserve(self.random.choices(range(0, 286, 15), _starts())[0])
        door = sorted(self.random.randint(_OPENS, _CLOSES) for _ in range(at_the_door))
        for self.now in range(480):
            self._leave()
            self._arrive()
            for _ in range(door.count(self.now)):
                self._join()
            self._serve()
        return self.joined

    def _party(self, start: int, late: int = 0) -> Party:
        size = self.random.choices(list(_SIZES), list(_SIZES.values()))[0]
        party = Party(size, start, start + late, 0)
        spread = self.random.gauss(0, self.habits.spread)
        party.stays = max(20, party.turn * self.habits.share * exp(spread))
        return party

    def _reserve(self, start: int) -> None:
        party = self._party(start, self.random.randint(-8, 14))
        for seats in suits(party.size):
            clash = (each for each in self.coming if not set(seats).isdisjoint(each.seats))
            if all(each.ends <= start or each.start >= party.ends for each in clash):
                party.seats = seats
                if self.random.random() < self.habits.no_shows:
                    party.comes = 999
                self.coming.append(party)
                return

    # --- each minute

    def _leave(self) -> None:
        for party in self.sitting[:]:
            if self.now >= (party.sits_since or 0) + party.stays:
                self.sitting.remove(party)
        gone = [each for each in self.coming if each.comes == 999 and each.start + 20 <= self.now]
        self.coming = [each for each in self.coming if each not in gone]
        for party in self.line[:]:
            called = party.ready_since is not None
            if not called and self.now - party.start >= party.patience:
                self.line.remove(party)

    def _arrive(self) -> None:
        """Who has come sits down at its table, at another that is free, or waits for it."""
        for party in self.coming[:]:
            if party.comes <= self.now and party.start - 5 <= self.now:
                seats = next((each for each in self._choices(party) if self._free(each, party)), ())
                if seats:
                    self.coming.remove(party)
                    self._sit(party, seats)

    def _choices(self, party: Party) -> tuple[Seats, ...]:
        return (party.seats, *suits(party.size))

    def _sit(self, party: Party, seats: Seats) -> None:
        party.seats, party.sits_since = seats, self.now
        self.sitting.append(party)

    def _free(self, seats: Seats, party: Party, wait: int = 0) -> bool:
        """Nobody sits there or is called there, and no other comes before a whole turn is over."""
        mine = set(seats)
        here = [*self.sitting, *(each for each in self.line if each.ready_since is not None)]
        if any(each is not party and not mine.isdisjoint(each.seats) for each in here):
            return False
        if seats == party.seats:
            return True
        until = (self.now + wait) // 15 * 15 + party.turn
        return not any(
            each is not party and each.start < until and not mine.isdisjoint(each.seats)
            for each in self.coming
        )

    # --- at the door

    def _join(self) -> None:
        party = self._party(self.now)
        if self.random.random() < self.habits.gives_up:
            party.patience = self.random.randint(10, 50)
        ahead = [each for each in self.line if each.ready_since is None and not each.missed]
        found = newcomer_quotes(
            self._stays(),
            [self._waits(each) for each in ahead],
            [self._waits(party)],
            turns=self.turns,
        )
        party.quote = found[0]
        if party.quote is None or party.quote.low >= _TOO_LONG:
            return  # it goes elsewhere
        self.line.append(party)
        self.joined.append(party)

    def _stays(self) -> list[Stay]:
        stays = []
        called = [each for each in self.line if each.ready_since is not None]
        for party in (*self.sitting, *self.coming, *called):
            sits = party.sits_since
            begins = (party.start if sits is None else sits) - self.now
            if party in called:
                begins = 0
            ends = begins + party.turn
            if sits is not None or ends > 0:
                stays.append(
                    Stay(party.seats, begins, ends, sits is not None, others=suits(party.size))
                )
        return stays

    @staticmethod
    def _waits(party: Party) -> Waiting:
        return Waiting(suits(party.size), party.turn)

    def _serve(self) -> None:
        """Called parties come or miss their call; the host calls whoever has a table now."""
        for party in self.line[:]:
            if party.ready_since is not None and self.now >= party.ready_since + party.comes:
                self.line.remove(party)
                if not party.missed:
                    self._sit(party, party.seats)
        for party in self.line:
            if party.ready_since is None:
                seats = next(
                    (each for each in suits(party.size) if self._is_ready(each, party)), ()
                )
                if seats:
                    self._call(party, seats)

    def _is_ready(self, seats: Seats, party: Party) -> bool:
        return self._free(seats, party, _READY)

    def _call(self, party: Party, seats: Seats) -> None:
        party.seats, party.ready_since = seats, self.now
        party.waited = self.now - party.start
        party.missed = self.random.random() < self.habits.misses
        party.comes = _READY if party.missed else self.random.randint(1, 9)


def suits(size: int) -> tuple[Seats, ...]:
    """The tables for such a party, best first."""
    single = [table for table, (least, most) in TABLES.items() if least <= size <= most]
    joined = [seats for seats, (least, most) in _JOINED.items() if least <= size <= most]
    return (*((table,) for table in sorted(single, key=lambda each: TABLES[each][1])), *joined)


def _starts() -> list[int]:
    """More parties at half past six to half past eight."""
    return [1] * 6 + [3] * 9 + [1] * 5
