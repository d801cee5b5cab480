"""Manage links: how long one opens its reservation, and how often it is sent."""

from datetime import datetime, timedelta
from typing import Final

#: A link opens its reservation until so long after the visit's end.
LASTS: Final = timedelta(days=7)
#: A guest is sent the link at most so often within so long.
SENT_MOST: Final = 3
SENT_WITHIN: Final = timedelta(hours=1)


def has_ended(ends_at: datetime, *, now: datetime) -> bool:
    """Whether the link of a visit that ends then opens nothing any more."""
    return now > ends_at + LASTS
