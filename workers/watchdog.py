"""Ends a worker whose task has passed its hard limit: the pool `solo` would let it run for ever.

Whoever started the worker starts it again, and the sweep finds the rows that the task left.
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

#: Celery's own limits act first where the pool has them.
GRACE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 1.0
#: EX_SOFTWARE of sysexits.h
EXIT_CODE: Final = 70

_running: dict[str, tuple[str, float]] = {}


def begin(task_id: str, task: str) -> None:
    """From now on this task's hard limit runs."""
    if task in TASKS:
        _running[task_id] = (task, monotonic() + TASKS[task].hard_limit + GRACE_SECONDS)


def end(task_id: str) -> None:
    """It is done."""
    _running.pop(task_id, None)


def overdue() -> str | None:
    """The name of a task that has passed its hard limit."""
    now = monotonic()
    return next((task for task, ends in list(_running.values()) if now > ends), None)


def is_busy() -> bool:
    """Whether a task runs, within its limit."""
    return bool(_running)


def start() -> None:
    """Watch over this process's tasks from a thread of its own."""
    threading.Thread(target=_watch, name="watchdog", daemon=True).start()


def _watch() -> None:
    while not (task := overdue()):
        threading.Event().wait(_LOOK_SECONDS)
    log.critical("a task has passed its hard limit: this worker ends", extra={"task": task})
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
    # not sys.exit: the thread that would have to unwind is the one that stands still
    os._exit(EXIT_CODE)
