"""The one place that tells the time. UTC, aware, always."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time in UTC, with microseconds."""
    return datetime.now(UTC)
