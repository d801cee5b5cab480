"""Manage links: how long a link is valid, and how often it is sent."""

from datetime import datetime, timedelta
from typing import Final

#: A link is valid until this long after the end of the visit.
LASTS: Final = timedelta(days=7)
#: A guest is sent the link at most SENT_MOST times within SENT_WITHIN.
SENT_MOST: Final = 3
SENT_WITHIN: Final = timedelta(hours=1)


def has_ended(ends_at: datetime, *, now: datetime) -> bool:
    """Whether the link of a visit with that end has expired."""
    return now > ends_at + LASTS
