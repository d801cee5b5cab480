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
    "expire_waitlists",
    "make_way",
)
#: The queues whose workers have to prove that they finish tasks.
QUEUES: Final = ("allocation", "messages", MAINTENANCE)


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `every` and `begins` (its first run after the clock's start) in seconds.

    No send is ever void: by whose clock should it be? `expires` is heeded by nobody any more.
    """

    name: str
    every: int
    task: str
    expires: int
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
        Job("backup", backup_seconds, "backups.make", 290, BACKUPS),
        Job("drill", 900, "backups.drill", 890, BACKUPS, begins=2),
    )
    copied = (Job("second_store", 300, "backups.copy", 290, BACKUPS, begins=3),)
    return (
        Job("sweep", sweep_seconds, "maintenance.sweep", expires=max(5, sweep_seconds)),
        *(Job(name, 60, f"maintenance.{name}", expires=60) for name in AT_THE_STAND),
        Job("deliveries", 60, "messages.ask_deliveries", expires=60, queue="messages"),
        Job("forget", 3600, "maintenance.forget", expires=1800),
        Job("retain", 300, "maintenance.retain", expires=150),
        *(
            Job(f"heartbeat.{queue}", 10, "maintenance.heartbeat", 10, queue, (queue,))
            for queue in QUEUES
        ),
        *(kept if backups else ()),
        *(copied if second else ()),
        Job("health", 15, "maintenance.health", expires=15, begins=5),
    )
