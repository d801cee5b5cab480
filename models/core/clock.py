"""The one place that tells the time. UTC, aware, always."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time in UTC, with microseconds."""
    return datetime.now(UTC)


def nanoseconds() -> int:
    """The current time as traces write it: nanoseconds since 1970, UTC."""
    return time.time_ns()
