"""The one table of what the clock asks for: how often, which task, on which queue.

Tasks go by name, so that the clock and the workers may differ by a release.
"""

from dataclasses import dataclass
from typing import Final

MAINTENANCE: Final = "maintenance"
BACKUPS: Final = "backups"
#: What is asked for every minute, while guests come and go.
AT_THE_STAND: Final = (
    "mark_no_shows",
    "finish_overdue",
    "end_evenings",
    "release_unconfirmed",
    "expire_waitlists",
    "make_way",
)
#: The queues whose workers have to prove that they finish tasks.
QUEUES: Final = ("allocation", "messages", MAINTENANCE)


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `every` and `begins` (its first run after the clock's start) in seconds.

    No send expires: the workers' clocks may differ from ours, and every task is harmless twice.
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
    """Every job of the house. The names are those of `models.rules.health.LATE_AFTER`.

    The look at the house's health begins when the others have had their first run. With `backups`
    those are asked for, more often than they are due: a missed hour is made up in minutes. SQLite's
    are due more often, so `backup_seconds` is shorter. With `second`, a second store is filled.
    """
    kept = (
        Job("backup", backup_seconds, "backups.make", BACKUPS),
        Job("drill", 900, "backups.drill", BACKUPS, begins=2),
    )
    copied = (Job("second_store", 300, "backups.copy", BACKUPS, begins=3),)
    return (
        Job("sweep", sweep_seconds, "maintenance.sweep"),
        *(Job(name, 60, f"maintenance.{name}") for name in AT_THE_STAND),
        Job("deliveries", 60, "messages.ask_deliveries", queue="messages"),
        Job("forget", 3600, "maintenance.forget"),
        Job("wall_times", 900, "maintenance.wall_times"),
        Job("retain", 300, "maintenance.retain"),
        *(
            Job(f"heartbeat.{queue}", 10, "maintenance.heartbeat", queue, (queue,))
            for queue in QUEUES
        ),
        *(kept if backups else ()),
        *(copied if second else ()),
        Job("health", 15, "maintenance.health", begins=5),
    )
