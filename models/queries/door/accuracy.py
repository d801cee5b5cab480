"""Quotes against the truth: how long parties at the door waited, beside what they were told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.door import DoorEntry


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How good the quotes were. `late`: waited longer than told, `early`: less long.

    `minutes_off`: the median of the minutes outside the range, 0 for those within it; None: no
    party was both quoted and called or seated.
    """

    parties: int
    within: int
    late: int
    early: int
    minutes_off: int | None
    median_wait: int | None


def accuracy(session: Session, restaurant_id: int, *, since: datetime, until: datetime) -> Accuracy:
    """Return the accuracy for the parties that joined from `since` until `until`. One query."""
    row = table_of(DoorEntry).c
    query = select(row.joined_at, row.served_at, row.quoted_low, row.quoted_high).where(
        row.restaurant_id == restaurant_id,
        row.joined_at >= since,
        row.joined_at < until,
        row.served_at.is_not(None),
        row.quoted_low.is_not(None),
    )
    return judged(
        [
            (waited_minutes(each.joined_at, each.served_at), each.quoted_low, each.quoted_high)
            for each in session.execute(query)
        ]
    )


def judged(waits: Sequence[tuple[int, int, int]]) -> Accuracy:
    """Return the accuracy of these (minutes waited, lowest and highest told)."""
    off = [max(low - waited, waited - high, 0) for waited, low, high in waits]
    late = sum(waited > high for waited, _, high in waits)
    early = sum(waited < low for waited, low, _ in waits)
    return Accuracy(
        parties=len(waits),
        within=len(waits) - late - early,
        late=late,
        early=early,
        minutes_off=round(median(off)) if off else None,
        median_wait=round(median(waited for waited, _, _ in waits)) if waits else None,
    )


def waited_minutes(joined_at: datetime, until: datetime) -> int:
    """Return whole minutes of waiting."""
    return int((until - joined_at).total_seconds() // 60)
