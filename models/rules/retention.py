"""Retention: the date before which a restaurant's guests or messages are removed."""

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

#: A book may still be changed for a day after its date; a week leaves no doubt.
DAYS_MIN: Final = 7
DAYS_MAX: Final = 36_500


def keeps_since(days: int | None, zone: ZoneInfo, *, now: datetime) -> date | None:
    """The first date, by the restaurant's clock, whose book is retained; None: all are."""
    return None if days is None else now.astimezone(zone).date() - timedelta(days=days)
