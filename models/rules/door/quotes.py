"""The quoted wait: a simulation of the floor as it stands, with the parties that wait in order.

Pure integers: minutes from now. Each party in the list is placed at the first time at which one of
its tables is free for a whole turn, in the order of the list. The simulation runs twice: once with
every turn ending as planned, once with every turn running late. The two waits are the range.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from models.rules.deciding.seating import Seats

#: Nobody is quoted a longer wait: within that time too much changes.
LONGEST: Final = 240
#: Quotes are given in multiples of so many minutes.
STEP: Final = 5
#: A party past its turn stays at least this long yet, if all goes well and if it does not.
_LINGERS: Final = (5, 20)
#: A turn that runs late takes so much longer: at least some minutes, or a share of the turn.
_LATE_MINUTES: Final = 10
_LATE_SHARE: Final = 0.15

Busy = Mapping[int, Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Stay:
    """A party at its tables from `begins` to `ends`, minutes from now; seated ones began before.

    `turn`: the minutes of its whole turn. `buffer`: minutes to reset the tables after it.
    """

    seats: Seats
    begins: int
    ends: int
    turn: int
    is_seated: bool
    buffer: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A party that waits: the tables that suit it, best first, and the minutes of its turn."""

    wanted: tuple[Seats, ...]
    turn: int


@dataclass(frozen=True, slots=True)
class Planned:
    """Where the simulation seats a party: its tables, from `begins` for its turn."""

    seats: Seats
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Quote:
    """A wait of `low` to `high` minutes; 0 to 0: a table is free."""

    low: int
    high: int


def quotes(
    stays: Iterable[Stay], waiting: Sequence[Waiting], *, buffer: int = 0
) -> list[Quote | None]:
    """The wait of each party, in order; None: no table suits it, or none within LONGEST minutes.

    `buffer`: minutes to reset a table.
    """
    stays = list(stays)
    early = simulate(floor(stays, late=False), waiting, buffer=buffer)
    late = simulate(floor(stays, late=True), _slow(waiting), buffer=buffer)
    return [_quote(one, other) for one, other in zip(early, late, strict=True)]


def newcomer_quotes(
    stays: Iterable[Stay],
    waiting: Sequence[Waiting],
    newcomers: Sequence[Waiting],
    *,
    buffer: int = 0,
) -> list[Quote | None]:
    """The wait that each of these would have as the last of the list, without the others.

    As `quotes` of the list with that party at its end, but the list is seated only once.
    """
    stays = list(stays)
    early = _last_places(floor(stays, late=False), waiting, newcomers, buffer=buffer)
    late = _last_places(floor(stays, late=True), _slow(waiting), _slow(newcomers), buffer=buffer)
    return [_quote(one, other) for one, other in zip(early, late, strict=True)]


def floor(stays: Iterable[Stay], *, late: bool) -> dict[int, list[tuple[int, int]]]:
    """When each table is taken: (from, until) in minutes from now, until excluded."""
    busy: dict[int, list[tuple[int, int]]] = {}
    for stay in stays:
        begins = 0 if stay.is_seated else max(stay.begins, 0)
        ends = _ends(stay, late=late) + stay.buffer
        for table in stay.seats if ends > begins else ():
            busy.setdefault(table, []).append((begins, ends))
    return busy


def simulate(busy: Busy, waiting: Sequence[Waiting], *, buffer: int = 0) -> list[Planned | None]:
    """Seat the parties in order, each at the first time that a table of its own is free."""
    return _seat_all(busy, waiting, buffer=buffer)[0]


def _seat_all(
    busy: Busy, waiting: Sequence[Waiting], *, buffer: int
) -> tuple[list[Planned | None], dict[int, list[tuple[int, int]]]]:
    """The place of each party, and when each table is taken then."""
    taken = {table: sorted(spans) for table, spans in busy.items()}
    places: list[Planned | None] = []
    for party in waiting:
        place = _first(taken, party, party.turn + buffer)
        places.append(place)
        if place is not None:
            for table in place.seats:
                taken.setdefault(table, []).append((place.begins, place.ends + buffer))
    return places, taken


def _last_places(
    busy: Busy, waiting: Sequence[Waiting], newcomers: Sequence[Waiting], *, buffer: int
) -> list[Planned | None]:
    taken = _seat_all(busy, waiting, buffer=buffer)[1]
    return [_first(taken, party, party.turn + buffer) for party in newcomers]


def _slow(waiting: Sequence[Waiting]) -> list[Waiting]:
    return [Waiting(each.wanted, each.turn + _overrun(each.turn)) for each in waiting]


def _ends(stay: Stay, *, late: bool) -> int:
    lingers = _LINGERS[late]
    if not stay.is_seated:
        # a party that is late keeps its table for the turn it has left
        return stay.ends if not late else max(stay.ends, stay.turn if stay.begins < 0 else 0)
    return max(stay.ends + (_overrun(stay.turn) if late else 0), lingers)


def _overrun(turn: int) -> int:
    return max(_LATE_MINUTES, ceil(turn * _LATE_SHARE))


def _first(
    taken: Mapping[int, Sequence[tuple[int, int]]], party: Waiting, needed: int
) -> Planned | None:
    """The earliest place; among tables free at the same time, the one that suits best."""
    found: tuple[int, Seats] | None = None
    for seats in party.wanted:
        begins = _free_from(taken, seats, needed)
        if begins < LONGEST and (found is None or begins < found[0]):
            found = begins, seats
    return Planned(found[1], found[0], found[0] + party.turn) if found else None


def _free_from(taken: Mapping[int, Sequence[tuple[int, int]]], seats: Seats, needed: int) -> int:
    """The first minute from which all these tables are free for `needed` minutes."""
    spans = sorted(span for table in seats for span in taken.get(table, ()))
    begins = 0
    for start, end in spans:
        if start >= begins + needed:
            break
        begins = max(begins, end)
    return begins


def _quote(early: Planned | None, late: Planned | None) -> Quote | None:
    if early is None:
        return None
    low = early.begins // STEP * STEP
    latest = LONGEST if late is None else max(late.begins, early.begins)
    high = ceil(latest / STEP) * STEP
    return Quote(low, high if latest == 0 else max(high, low + STEP))
