"""Health limits: the maximum age of a job's last success and of a waiting row."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from models.rules.reservations.contact_edits import CHANNELS

#: Job -> seconds after its last success at which it is overdue: several of its periods.
LATE_AFTER: Final[Mapping[str, int]] = {
    "sweep": 30,
    "mark_no_shows": 300,
    "finish_overdue": 300,
    "end_evenings": 300,
    "release_unconfirmed": 300,
    "expire_waitlists": 300,
    "call_next": 300,
    "end_lists": 300,
    "make_way": 300,
    "health": 60,
    "deliveries": 900,
    "forget": 3 * 3600,
    "wall_times": 3600,
    "retain": 3600,
    "file_guests": 300,
    "backup": 5400,
    "drill": 26 * 3600,
    "second_store": 5400,
    "log": 60,
    "heartbeat.allocation": 60,
    "heartbeat.messages": 180,
    "heartbeat.maintenance": 60,
}

#: Jobs that run only where backups are on; elsewhere they are never overdue.
OF_BACKUPS: Final = frozenset({"backup", "drill"})
#: Jobs that run only where there is a second backup store.
OF_SECOND_STORE: Final = frozenset({"second_store"})
#: The job that runs only where the database's log is stored with the backups. The scheduler does
#: not start it.
OF_THE_LOG: Final = frozenset({"log"})

#: The job that finds reservations whose wall time new zone rules have moved, and the kind of row
#: they are counted as.
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
    # a reservation whose wall time moved is overdue as soon as it is seen
    ZONE_RULES: 0,
}

#: Problems with several database servers: two accept writes; the replica is missing or behind; the
#: primary runs without semi-synchronous replication.
TWO_PRIMARIES: Final = "two_primaries"
REPLICA: Final = "replica"
SEMI_SYNC: Final = "semi_sync"
OF_SERVERS: Final = (TWO_PRIMARIES, REPLICA, SEMI_SYNC)
#: Seconds that a replica's newest row may be older than the primary's.
REPLICA_BEHIND_AT_MOST: Final = 30


#: Problems with processes: a clock is wrong; their zone data differ; no scheduler is the leader.
CLOCKS: Final = "clocks"
ZONE_DATA: Final = "zone-data"
LEADER: Final = "leader"
#: Seconds by which a clock may be wrong.
CLOCKS_DIFFER_SECONDS: Final = 2.0
#: Seconds for which a process counts as running after it was last seen.
PROCESS_SEEN_SECONDS: Final = 90
#: Seconds for which there may be no leader; and the remaining seconds that a lease reaches only if
#: a wrong clock wrote it.
LEASE_LATE_SECONDS: Final = 15
LEASE_TOO_LONG_SECONDS: Final = 60
#: A time further in the future than this was written by a wrong clock.
_FUTURE_SECONDS: Final = 30


def heartbeat_name(queue: str) -> str:
    """The job whose success shows that a worker finishes the tasks of this queue."""
    return f"heartbeat.{queue}"


def channel_name(channel: str) -> str:
    """The name under which a channel that is down is listed with the overdue jobs."""
    return f"channel.{channel}"


#: What guests notice when it is late or down.
DELAYS_GUESTS: Final = frozenset(
    {"requests", "changes", "freed_books", "messages", "stuck_sends", "sweep", "health"}
    | {"heartbeat.allocation", "heartbeat.messages", "redis"}
    | {channel_name(channel) for channel in CHANNELS}
)


def seconds_since(moment: datetime | None, *, now: datetime) -> float | None:
    """Seconds from `moment` to `now`, rounded to tenths; None if there was no such moment.

    A moment more than 30 seconds in the future was written by a wrong clock, so its age is unknown:
    None.
    """
    seconds = None if moment is None else (now - moment).total_seconds()
    if seconds is None or seconds < -_FUTURE_SECONDS:
        return None
    return round(max(0.0, seconds), 1)


def is_late(job: str, age: float | None) -> bool:
    """Whether a job is overdue: it never succeeded (`age` None), or too long ago."""
    return age is None or age > LATE_AFTER[job]


def waits_too_long(kind: str, age: float | None) -> bool:
    """Whether the oldest waiting row of a kind is overdue. False if none waits (`age` None)."""
    return age is not None and age > WAITS_AT_MOST[kind]
