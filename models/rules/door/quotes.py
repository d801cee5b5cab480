"""The quoted wait: the middle of the waits of an evening that is played many times."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Final

from models.rules.door.plays import LONGEST, PLAYS, Busy, Planned, Play, Stay, Waiting
from models.rules.door.turns import USUAL, Turns

#: Quotes are given in multiples of so many minutes.
STEP: Final = 5
#: The range leaves out so many of the shortest waits, and of the longest.
_LEFT_OUT: Final = 4
#: Before rounding, a range is at most half as wide as the wait is long, but between these.
_WIDEST: Final = (10, 25)


@dataclass(frozen=True, slots=True)
class Quote:
    """A wait of `low` to `high` minutes; 0 to 0: a table is free."""

    low: int
    high: int


def quotes(
    stays: Iterable[Stay], waiting: Sequence[Waiting], *, buffer: int = 0, turns: Turns = USUAL
) -> list[Quote | None]:
    """The wait of each party, in order; None: no table suits it, or none within LONGEST minutes.

    `buffer`: minutes to reset a table.
    """
    played = _played(tuple(stays), tuple(waiting), turns, buffer)
    return _ranges([places for _, places, _ in played])


def newcomer_quotes(
    stays: Iterable[Stay],
    waiting: Sequence[Waiting],
    newcomers: Sequence[Waiting],
    *,
    buffer: int = 0,
    turns: Turns = USUAL,
) -> list[Quote | None]:
    """The wait that each of these parties would have as the last of the list, without the others.

    As `quotes` of the list with that party at its end, but the list is seated only once a play.
    """
    played = _played(tuple(stays), tuple(waiting), turns, buffer)
    return _ranges([[play.place(taken, each) for each in newcomers] for play, _, taken in played])


@lru_cache(maxsize=16)
def _played(
    stays: tuple[Stay, ...], waiting: tuple[Waiting, ...], turns: Turns, buffer: int
) -> tuple[tuple[Play, list[Planned | None], Busy], ...]:
    """Each play, the places of the list, and when each table is taken then.

    Kept, because the list and its newcomers are quoted together, and several stands look at once.
    """
    played = []
    for number in range(PLAYS):
        play = Play(number, turns, buffer)
        taken = play.floor(stays)
        played.append((play, play.serve(taken, waiting), taken))
    return tuple(played)


def _ranges(plays: Sequence[Sequence[Planned | None]]) -> list[Quote | None]:
    return [_range(places) for places in zip(*plays, strict=True)]


def _range(places: Iterable[Planned | None]) -> Quote | None:
    waits = sorted(LONGEST if each is None else each.begins for each in places)
    middle, least, most = waits[PLAYS // 2], waits[_LEFT_OUT], waits[-1 - _LEFT_OUT]
    if middle >= LONGEST:
        return None
    if most == 0:
        return Quote(0, 0)
    reach = min(max(middle / 2, _WIDEST[0]), _WIDEST[1]) / 2
    low = int(max(least, middle - reach)) // STEP * STEP
    high = ceil(min(most, middle + reach) / STEP) * STEP
    return Quote(low, max(high, low + STEP))
