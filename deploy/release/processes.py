"""The processes of Maitred: what each serves, and how long it may take to end. The one table.

The keeper of a slot reads it, and the units of deploy/systemd are made of it; tests hold the
compose file and the Kubernetes files against it.
"""

from collections.abc import Iterable
from typing import Final

#: process (a name of models/core/secrets/by_process.py) -> seconds from SIGTERM until it is
#: killed. Of a worker: the longest task of its queue, and some; then the task is given again.
STOP_SECONDS: Final = {
    "web": 60,
    "allocation": 120,
    "messages": 180,
    "maintenance": 320,
    "backups": 860,
    "follower": 60,
    "scheduler": 60,
    "flower": 60,
}
#: What a slot runs, by the lines of the Procfile. The other lines serve both slots.
WORKERS: Final = ("allocation", "messages", "backups")
PROCESSES: Final = ("web", *WORKERS, "follower", "scheduler")
#: A line that serves several queues is several processes in one.
_SERVES: Final = {"messages": ("messages", "maintenance")}


def served_by(line: str) -> tuple[str, ...]:
    """The processes that this line of the Procfile is."""
    return _SERVES.get(line, (line,))


def stop_seconds(lines: Iterable[str]) -> int:
    """How long the slowest of these lines may take to end."""
    return max(STOP_SECONDS[process] for line in lines for process in served_by(line))
