"""The table of tasks: the queue of each and its time limits."""

from dataclasses import dataclass
from typing import Final

ALLOCATION: Final = "allocation"
MESSAGES: Final = "messages"
MAINTENANCE: Final = "maintenance"
BACKUPS: Final = "backups"
QUEUES: Final = (ALLOCATION, MESSAGES, MAINTENANCE, BACKUPS)


@dataclass(frozen=True, slots=True)
class TaskRule:
    """A task's queue and its limits in seconds (soft, then hard)."""

    queue: str
    soft_limit: int
    hard_limit: int


TASKS: Final[dict[str, TaskRule]] = {
    "allocation.decide": TaskRule(ALLOCATION, 60, 90),
    "messages.deliver": TaskRule(MESSAGES, 120, 150),
    "messages.ask_deliveries": TaskRule(MESSAGES, 30, 45),
    "maintenance.sweep": TaskRule(MAINTENANCE, 30, 45),
    "maintenance.mark_no_shows": TaskRule(MAINTENANCE, 60, 90),
    "maintenance.finish_overdue": TaskRule(MAINTENANCE, 60, 90),
    "maintenance.end_evenings": TaskRule(MAINTENANCE, 60, 90),
    "maintenance.release_unconfirmed": TaskRule(MAINTENANCE, 60, 90),
    "maintenance.expire_waitlists": TaskRule(MAINTENANCE, 60, 90),
    "maintenance.call_next": TaskRule(MAINTENANCE, 60, 90),
    "maintenance.end_lists": TaskRule(MAINTENANCE, 60, 90),
    "maintenance.make_way": TaskRule(MAINTENANCE, 60, 90),
    "maintenance.health": TaskRule(MAINTENANCE, 30, 45),
    "maintenance.forget": TaskRule(MAINTENANCE, 240, 300),
    "maintenance.retain": TaskRule(MAINTENANCE, 120, 150),
    "maintenance.file_guests": TaskRule(MAINTENANCE, 60, 90),
    "maintenance.wall_times": TaskRule(MAINTENANCE, 120, 150),
    "backups.make": TaskRule(BACKUPS, 780, 840),
    "backups.drill": TaskRule(BACKUPS, 780, 840),
    "backups.copy": TaskRule(BACKUPS, 780, 840),
    "maintenance.heartbeat": TaskRule(MAINTENANCE, 10, 20),  # sent to every queue
}

#: Seconds; longer than any hard limit, so that a task is redelivered only when its worker is gone.
VISIBILITY_TIMEOUT: Final = 900
