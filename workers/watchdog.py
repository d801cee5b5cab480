"""Ends a worker whose task has passed its hard limit: the pool `solo` has no time limits.

The process manager restarts the worker, and the sweep finds the rows that the task left.
"""

import faulthandler
import logging
import os
import sys
import threading
from time import monotonic
from typing import Final

from tasks.queues import TASKS

log = logging.getLogger(__name__)

#: Seconds beyond the hard limit, so that Celery's own limits act first where the pool has them.
GRACE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 1.0
#: EX_SOFTWARE of sysexits.h
EXIT_CODE: Final = 70

_running: dict[str, tuple[str, float]] = {}


def begin(task_id: str, task: str) -> None:
    """Start the time limit of a task."""
    if task in TASKS:
        _running[task_id] = (task, monotonic() + TASKS[task].hard_limit + GRACE_SECONDS)


def end(task_id: str) -> None:
    """Note that a task has ended."""
    _running.pop(task_id, None)


def overdue() -> str | None:
    """Return the name of a task that has passed its hard limit and GRACE_SECONDS, or None."""
    now = monotonic()
    return next((task for task, ends in list(_running.values()) if now > ends), None)


def is_busy() -> bool:
    """Whether a task is running."""
    return bool(_running)


def start() -> None:
    """Watch this process's tasks from a separate thread."""
    threading.Thread(target=_watch, name="watchdog", daemon=True).start()


def _watch() -> None:
    while not (task := overdue()):
        threading.Event().wait(_POLL_SECONDS)
    log.critical("a task passed its hard limit: stopping this worker", extra={"task": task})
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
    # not sys.exit: it would have to unwind the thread that hangs
    os._exit(EXIT_CODE)
