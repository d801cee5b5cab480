"""The only source of the current time. Always UTC and aware."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The current time in UTC, with microseconds."""
    return datetime.now(UTC)


def nanoseconds() -> int:
    """The current time in the format of traces: nanoseconds since 1970, UTC."""
    return time.time_ns()
