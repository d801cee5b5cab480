"""Reschedules jobs when the system clock is set back, so that none waits for that time to pass."""

import logging
import threading
from datetime import datetime
from time import monotonic, time
from typing import Final

from apscheduler.schedulers.base import BaseScheduler

from models.core import clock

log = logging.getLogger(__name__)

#: Seconds; smaller corrections of the clock need no rescheduling.
STEP_SECONDS: Final = 1.0
POLL_SECONDS: Final = 1.0


class Steps:
    """Detects steps of the system clock, by comparison with the monotonic clock."""

    def __init__(self) -> None:
        self._offset = time() - monotonic()

    def since_last_check(self) -> float:
        """Return the seconds by which the clock was set since the last step was found.

        Negative when it was set back; 0 for less than STEP_SECONDS.
        """
        offset = time() - monotonic()
        step = offset - self._offset
        if abs(step) < STEP_SECONDS:
            return 0.0
        self._offset = offset
        return step


def reschedule(scheduler: BaseScheduler, *, now: datetime) -> None:
    """After a step back, schedule each job at most one of its periods from now.

    A step forward needs nothing: jobs that are due run once.
    """
    for job in scheduler.get_jobs():
        latest = now + job.trigger.interval
        if job.next_run_time is not None and job.next_run_time > latest:
            job.modify(next_run_time=latest)


def watch_steps(scheduler: BaseScheduler) -> None:
    """Watch the clock from a daemon thread, for the life of this process."""
    threading.Thread(target=_watch, args=(scheduler, Steps()), name="steps", daemon=True).start()


def _watch(scheduler: BaseScheduler, steps: Steps) -> None:
    pause = threading.Event()
    while not pause.wait(POLL_SECONDS):
        if step := steps.since_last_check():
            log.warning("system clock stepped", extra={"seconds": round(step, 1)})
            reschedule(scheduler, now=clock.now())
