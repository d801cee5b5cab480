"""The number of a promotion: above all before it, also above those that nobody here knows of."""

from datetime import datetime


def next_epoch(newest: int, *, now: datetime) -> int:
    """The epoch of a promotion at `now`, where `newest` is the newest that is known."""
    return max(newest + 1, int(now.timestamp()))
