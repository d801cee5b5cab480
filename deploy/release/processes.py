"""The processes of Maitred: what each serves, and how long it may take to end.

This is the only table. A slot's keeper reads it, the units of deploy/systemd are generated from it,
and tests compare the compose file and the Kubernetes files with it.
"""

from collections.abc import Iterable
from typing import Final

#: Process (a name of models/core/secrets/by_process.py) -> seconds from SIGTERM until it is
#: killed. For a worker: the longest task of its queue and a margin; a killed task is redelivered.
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
#: The Procfile lines that a slot runs. The other lines serve both slots.
WORKERS: Final = ("allocation", "messages", "backups")
PROCESSES: Final = ("web", *WORKERS, "follower", "scheduler")
#: Procfile lines that combine several processes, because they serve several queues.
_SERVES: Final = {"messages": ("messages", "maintenance")}


def served_by(line: str) -> tuple[str, ...]:
    """Return the processes that this line of the Procfile combines."""
    return _SERVES.get(line, (line,))


def stop_seconds(lines: Iterable[str]) -> int:
    """Return how long the slowest of these lines may take to end."""
    return max(STOP_SECONDS[process] for line in lines for process in served_by(line))
