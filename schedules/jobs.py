"""The table of scheduled jobs: the interval, task and queue of each.

Tasks are sent by name, so that the scheduler and the workers may be of different releases.
"""

from dataclasses import dataclass
from typing import Final

MAINTENANCE: Final = "maintenance"
BACKUPS: Final = "backups"
#: Jobs of every minute, about arrivals and departures.
HOST_STAND_JOBS: Final = (
    "mark_no_shows",
    "finish_overdue",
    "end_evenings",
    "release_unconfirmed",
    "expire_waitlists",
    "call_next",
    "end_lists",
    "make_way",
)
#: The queues with a heartbeat, which shows that their workers finish tasks.
QUEUES: Final = ("allocation", "messages", MAINTENANCE)


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `every` and `begins` (its first run after the scheduler's start) in seconds.

    Sent tasks have no expiry, because the workers' clocks may differ, and every task is idempotent.
    """

    name: str
    every: int
    task: str
    queue: str = MAINTENANCE
    args: tuple[str, ...] = ()
    begins: int = 1


def jobs(
    sweep_seconds: int, *, backups: bool, second: bool = False, backup_seconds: int = 300
) -> tuple[Job, ...]:
    """Return all jobs. The names are those of `models.rules.health.LATE_AFTER`.

    The health check starts after the first run of the others. `backups` adds the jobs for backups,
    more often than those are due, so that a missed hour is made up in minutes. `backup_seconds` is
    shorter for SQLite, whose backups are due more often. `second` adds copies to a second store.
    """
    kept = (
        Job("backup", backup_seconds, "backups.make", BACKUPS),
        Job("drill", 900, "backups.drill", BACKUPS, begins=2),
    )
    copied = (Job("second_store", 300, "backups.copy", BACKUPS, begins=3),)
    return (
        Job("sweep", sweep_seconds, "maintenance.sweep"),
        *(Job(name, 60, f"maintenance.{name}") for name in HOST_STAND_JOBS),
        Job("deliveries", 60, "messages.ask_deliveries", queue="messages"),
        Job("forget", 3600, "maintenance.forget"),
        Job("wall_times", 900, "maintenance.wall_times"),
        Job("retain", 300, "maintenance.retain"),
        Job("file_guests", 10, "maintenance.file_guests"),
        *(
            Job(f"heartbeat.{queue}", 10, "maintenance.heartbeat", queue, (queue,))
            for queue in QUEUES
        ),
        *(kept if backups else ()),
        *(copied if second else ()),
        Job("health", 15, "maintenance.health", begins=5),
    )
