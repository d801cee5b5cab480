"""The quoted wait: the middle of the waits of an evening that is played many times."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from models.rules.door.plays import LONGEST, PLAYS, Planned, Play, Stay, Waiting
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
    stays = list(stays)
    return _ranges([play.serve(play.floor(stays), waiting) for play in _plays(turns, buffer)])


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
    stays = list(stays)
    plays = []
    for play in _plays(turns, buffer):
        taken = play.floor(stays)
        play.serve(taken, waiting)
        plays.append([play.place(taken, party) for party in newcomers])
    return _ranges(plays)


def _plays(turns: Turns, buffer: int) -> list[Play]:
    return [Play(number, turns, buffer) for number in range(PLAYS)]


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
