"""Times of the answers, and the quarters of an hour that they take."""

from datetime import datetime
from typing import Any, Final

_QUARTER: Final = 900


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def span(row: dict[str, Any]) -> tuple[int, int]:
    """Return the quarters that a party holds: from its start, or from when it sat down."""
    return quarters(row.get("seated_at") or row["start"], row["end"])


def quarters(start: str, end: str) -> tuple[int, int]:
    """Return the first quarter, and the first after the last."""
    return int(moment(start).timestamp() // _QUARTER), int(-(-moment(end).timestamp() // _QUARTER))
