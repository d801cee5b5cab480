"""A clock that is set: the plan moves with it, so that nothing waits for an hour to come again."""

import logging
import threading
from datetime import datetime
from time import monotonic, time
from typing import Final

from apscheduler.schedulers.base import BaseScheduler

from models.core import clock

log = logging.getLogger(__name__)

#: A clock that is corrected little by little is followed by itself.
STEP_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 1.0


class Steps:
    """How far the clock was set since the last look, by the clock that nobody can set."""

    def __init__(self) -> None:
        self._offset = time() - monotonic()

    def since_last_look(self) -> float:
        """Seconds; negative: it was set back. 0 for less than STEP_SECONDS."""
        offset = time() - monotonic()
        step = offset - self._offset
        if abs(step) < STEP_SECONDS:
            return 0.0
        self._offset = offset
        return step


def bring_nearer(scheduler: BaseScheduler, *, now: datetime) -> None:
    """No job is planned for later than one of its periods from now: the clock was set back.

    One that was set forward needs nothing: what is due is run once.
    """
    for job in scheduler.get_jobs():
        latest = now + job.trigger.interval
        if job.next_run_time is not None and job.next_run_time > latest:
            job.modify(next_run_time=latest)


def watch_steps(scheduler: BaseScheduler) -> None:
    """From a thread of its own, as long as this process lives."""
    threading.Thread(target=_watch, args=(scheduler, Steps()), name="steps", daemon=True).start()


def _watch(scheduler: BaseScheduler, steps: Steps) -> None:
    pause = threading.Event()
    while not pause.wait(LOOK_SECONDS):
        if step := steps.since_last_look():
            log.warning("the clock was set", extra={"seconds": round(step, 1)})
            bring_nearer(scheduler, now=clock.now())
