"""Presence: which processes run, whether their clocks are right and their zone data agree."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.running import Lease, ProcessSeen
from models.rules.health import (
    CLOCKS,
    CLOCKS_DIFFER_SECONDS,
    LEASE_LATE_SECONDS,
    LEASE_TOO_LONG_SECONDS,
    PROCESS_SEEN_SECONDS,
    ZONE_DATA,
)

#: The name of the lease that the leading scheduler holds.
LEASE: Final = "scheduler"


@dataclass(frozen=True, slots=True)
class ProcessHealth:
    """A process seen a short while ago. Its clock: seconds ahead, None if unknown."""

    name: str
    kind: str
    clock_seconds: float | None
    zone_data: str


def processes_seen(session: Session, *, now: datetime) -> tuple[ProcessHealth, ...]:
    """Return all processes seen within the last minute and a half. One query of a few rows."""
    since = now - timedelta(seconds=PROCESS_SEEN_SECONDS)
    query = select(ProcessSeen).where(ProcessSeen.seen_at >= since).order_by(ProcessSeen.name)
    return tuple(
        ProcessHealth(row.name, row.kind, _seconds(row.clock_ms), row.zone_data)
        for row in session.scalars(query)
    )


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def late_of(found: tuple[ProcessHealth, ...]) -> tuple[str, ...]:
    """Return `clocks` if a clock is wrong, `zone-data` if not all use the same."""
    wrong = any(abs(each.clock_seconds or 0.0) > CLOCKS_DIFFER_SECONDS for each in found)
    differ = len({each.zone_data for each in found}) > 1
    return ((CLOCKS,) if wrong else ()) + ((ZONE_DATA,) if differ else ())


def has_no_leader(session: Session, *, now: datetime) -> bool:
    """Return whether no scheduler holds the lease, or a wrong clock made it end too late."""
    lease = session.get(Lease, LEASE)
    if lease is None:
        return True
    left = (lease.expires_at - now).total_seconds()
    return not -LEASE_LATE_SECONDS < left < LEASE_TOO_LONG_SECONDS
