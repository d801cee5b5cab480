"""How long who came is known: dates before which a restaurant's books are forgotten."""

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

#: A book may still be written into for a day after it; a week leaves no doubt.
DAYS_MIN: Final = 7
DAYS_MAX: Final = 36_500


def keeps_since(days: int | None, zone: ZoneInfo, *, now: datetime) -> date | None:
    """The first date, by the restaurant's clock, whose book is still kept; None: all are."""
    return None if days is None else now.astimezone(zone).date() - timedelta(days=days)
