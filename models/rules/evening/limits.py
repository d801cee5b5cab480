"""The limits that a host sets on a book for tonight: online booking, or the whole book."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from models.rules.restaurant.restaurant import Pacing


class Limited(StrEnum):
    """What a host has limited in a book."""

    ONLINE = "online"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Limits:
    """From which start (UTC quarter) on; None: not limited.

    `online_covers`: the most covers that may start online in an interval; 0: none, online booking
    is stopped. `closed_from`: from then on nobody is given a table, by the staff neither.
    """

    online_from: int | None = None
    online_covers: int = 0
    closed_from: int | None = None

    def is_closed(self, quarter: int) -> bool:
        """Whether the book is closed for that start."""
        return self.closed_from is not None and quarter >= self.closed_from

    def is_stopped(self, quarter: int) -> bool:
        """Whether that start cannot be booked online."""
        return self._limits_online(quarter) and self.online_covers == 0

    def pacing(self, pacing: Pacing, quarter: int) -> Pacing:
        """The pacing of that start: online it may be lower than the restaurant's own."""
        if not self._limits_online(quarter):
            return pacing
        own = pacing.online_covers
        least = self.online_covers if own is None else min(own, self.online_covers)
        return replace(pacing, online_covers=least)

    def _limits_online(self, quarter: int) -> bool:
        return self.online_from is not None and quarter >= self.online_from


def limited(before: Limits, kind: str, *, covers: int, first: int) -> Limits:
    """The limits with one more, as it is stored."""
    if kind == Limited.CLOSED:
        return replace(before, closed_from=first)
    return replace(before, online_from=first, online_covers=covers)


UNLIMITED: Final = Limits()
