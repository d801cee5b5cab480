"""When the house is unwell: how old a job's last success and a waiting row may get."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

#: Job -> seconds since its last success after which it is late. Several of its periods.
LATE_AFTER: Final[Mapping[str, int]] = {
    "sweep": 30,
    "mark_no_shows": 300,
    "finish_overdue": 300,
    "end_evenings": 300,
    "release_unconfirmed": 300,
    "expire_waitlists": 300,
    "make_way": 300,
    "health": 60,
    "deliveries": 900,
    "forget": 3 * 3600,
    "wall_times": 3600,
    "retain": 3600,
    "backup": 5400,
    "drill": 26 * 3600,
    "second_store": 5400,
    "log": 60,
    "heartbeat.allocation": 60,
    "heartbeat.messages": 180,
    "heartbeat.maintenance": 60,
}

#: Jobs of a house whose backups are on; another is not late with them.
OF_BACKUPS: Final = frozenset({"backup", "drill"})
#: And of one that has a second store.
OF_SECOND_STORE: Final = frozenset({"second_store"})
#: The job of a house that keeps the log of its database beside its backups. No clock asks for it.
OF_THE_LOG: Final = frozenset({"log"})

#: The job that looks whose wall clock new zone rules have moved, and the kind of those parties.
WALL_TIMES: Final = "wall_times"
ZONE_RULES: Final = "zone_rules"

#: Kind of waiting row -> seconds that the oldest may wait.
WAITS_AT_MOST: Final[Mapping[str, int]] = {
    "requests": 30,
    "changes": 30,
    "freed_books": 60,
    "messages": 300,
    "stuck_sends": 300,
    "unended": 600,
    "waitlists": 300,
    # a party whose wall clock moved is late as soon as it is seen
    ZONE_RULES: 0,
}

#: What is late with several database servers: two take writes; the replica is gone or behind; the
#: primary goes on without it.
TWO_PRIMARIES: Final = "two_primaries"
REPLICA: Final = "replica"
SEMI_SYNC: Final = "semi_sync"
OF_SERVERS: Final = (TWO_PRIMARIES, REPLICA, SEMI_SYNC)
#: Seconds that a replica's newest row may be older than the primary's.
REPLICA_BEHIND_AT_MOST: Final = 30


#: What is late with processes whose clock is wrong, who work by other zone data than the others,
#: or of whom none leads.
CLOCKS: Final = "clocks"
ZONE_DATA: Final = "zone-data"
LEADER: Final = "leader"
#: Seconds by which a clock may be wrong.
CLOCKS_DIFFER_SECONDS: Final = 2.0
#: Seconds for which a process that was seen counts as there.
PROCESS_SEEN_SECONDS: Final = 90
#: Seconds for which nobody may lead; and those that no lease lasts, unless a wrong clock wrote it.
LEASE_LATE_SECONDS: Final = 15
LEASE_TOO_LONG_SECONDS: Final = 60
#: A moment that lies further in the future was written by a wrong clock.
_FUTURE_SECONDS: Final = 30


def heartbeat_name(queue: str) -> str:
    """The job that proves that somebody finishes the tasks of this queue."""
    return f"heartbeat.{queue}"


def channel_name(channel: str) -> str:
    """What a channel that is down is called among what is late."""
    return f"channel.{channel}"


def seconds_since(moment: datetime | None, *, now: datetime) -> float | None:
    """Whole and tenths of seconds from `moment` to `now`; None when it never was.

    A moment in the future was written by a wrong clock: when it was is not known.
    """
    seconds = None if moment is None else (now - moment).total_seconds()
    if seconds is None or seconds < -_FUTURE_SECONDS:
        return None
    return round(max(0.0, seconds), 1)


def is_late(job: str, age: float | None) -> bool:
    """Whether a job's last success is too long ago, or that was never."""
    return age is None or age > LATE_AFTER[job]


def waits_too_long(kind: str, age: float | None) -> bool:
    """Whether the oldest row of a kind should have been dealt with. Nothing waiting is fine."""
    return age is not None and age > WAITS_AT_MOST[kind]
