"""Epoch numbers of promotions: each is higher than all before it, even those unknown here."""

from datetime import datetime


def next_epoch(newest: int, *, now: datetime) -> int:
    """The epoch of a promotion at `now`, where `newest` is the newest that is known."""
    return max(newest + 1, int(now.timestamp()))
