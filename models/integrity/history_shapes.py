"""The shape of a reservation's history: everything its verdict depends on, without its identity.

Times matter only for reminders: which of them were still in the future when the party was
confirmed, and whether the restaurant's current file was in force.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from models.integrity.checks.notified import STATUSES
from models.integrity.finding import CheckedRestaurant, Files
from models.integrity.times import moment_of, text_of
from models.rules.messages.notifying import FRESH, REMINDED, kind_for
from models.rules.reservations.contact_edits import contact_marks

What = tuple[str, str, int, str]
Shape = tuple[Any, ...]
#: A text of this length may have been cut off by the database: MySQL's own limit is 1,024.
_WHOLE = 1_000


class Line(NamedTuple):
    """A reservation, its guest's channels, and its messages in one text."""

    id: int
    restaurant_id: int
    status: str
    revision: int
    source: str
    starts_at: str
    by_email: bool
    by_sms: bool
    #: its messages have not been deleted by retention
    kept: bool
    #: the row of its book exists
    has_book: bool
    book_id: int
    party_size: int
    ends_at: str
    created_at: str
    decided_at: str | None
    arrived_at: str | None
    seated_at: str | None
    finished_at: str | None
    said: str


class Shapes:
    """The shapes that were found to be correct."""

    def __init__(self, files: Files) -> None:
        self._restaurants = files.restaurants
        self._since = files.since()
        self._good: set[Shape] = set()
        self._causes: dict[tuple[What, ...], tuple[int, ...]] = {}
        self._ends: dict[tuple[str, tuple[int, ...]], tuple[str, ...]] = {}

    def of(self, line: Line, whats: Sequence[What], times: Sequence[str]) -> Shape:
        """The shape of that line, with these moves made at these times."""
        moves = tuple(whats)
        restaurant = self._restaurants.get(line.restaurant_id)
        reminders = (
            self._reminders(restaurant, line, moves, times) if restaurant and line.kept else None
        )
        facts = (line.status, line.revision, line.source, line.by_email, line.by_sms, line.kept)
        return (moves, line.said, reminders, *facts)

    def is_known(self, shape: Shape) -> bool:
        """Whether a history of this shape was correct."""
        return shape in self._good

    def learn(self, shape: Shape) -> None:
        """Record that a history of this shape was correct."""
        if len(shape[1]) < _WHOLE:
            self._good.add(shape)

    def _reminders(
        self,
        restaurant: CheckedRestaurant,
        line: Line,
        moves: tuple[What, ...],
        times: Sequence[str],
    ) -> tuple[Any, ...]:
        """Which reminders there should be, and whether the current file determines them."""
        offsets = restaurant.policies.reminder_minutes
        if moves not in self._causes:
            self._causes[moves] = _cause(moves)
        key = (line.starts_at, offsets)
        if key not in self._ends:
            start = moment_of(line.starts_at)
            self._ends[key] = tuple(
                text_of(start - timedelta(minutes=minutes) - FRESH) for minutes in offsets
            )
        since = self._since[line.restaurant_id]
        found: list[Any] = [offsets]
        for cause in self._causes[moves]:
            at = times[cause]
            found += [tuple(end > at for end in self._ends[key]), not since or at > since]
        return tuple(found)


def _cause(moves: tuple[What, ...]) -> tuple[int, ...]:
    """The moves that reminders belong to: the last one sent to all channels, and later contacts.

    Of two with the same revision the last counts.
    """
    told = sorted(
        (revision, number)
        for number, (_before, after, revision, reason) in enumerate(moves)
        if after in STATUSES and kind_for(STATUSES[after], reason) in REMINDED
    )
    whole = [place for place, (_, number) in enumerate(told) if not contact_marks(moves[number][3])]
    return tuple(number for _, number in told[whole[-1] if whole else 0 :])
