"""Nudges: tell a worker that there is work. Coalesced, and never an error: rows are the queue.

A thread of its own speaks to Redis: a request does not wait for it, and while one nudge is on its
way the next ones of the same kind fall together. A nudge that is lost is found by the sweep.
"""

import logging
import os
import threading
from functools import lru_cache
from time import monotonic

from models.core.redis import signals
from tasks.app import app
from tasks.queues import TASKS

log = logging.getLogger(__name__)

#: name -> (task, arguments)
_Waiting = dict[str, tuple[str, list[int]]]


def nudge_lane(lane: int) -> None:
    """Somebody waits in this allocation lane."""
    _nudger(os.getpid()).say(f"lane:{lane}", "allocation.decide", [lane])


def nudge_messages() -> None:
    """A message is due."""
    _nudger(os.getpid()).say("messages", "messages.deliver", [])


def flush_nudges(seconds: float = 2.0) -> bool:
    """Wait until all that was said in this process is on its way. False when it takes longer."""
    return _nudger(os.getpid()).flush(seconds)


@lru_cache(maxsize=1)
def _nudger(_pid: int) -> "Nudger":
    # by process: a thread does not live on in a forked child
    return Nudger()


class Nudger:
    """One daemon thread that sends what was said."""

    def __init__(self) -> None:
        self._waiting: _Waiting = {}
        self._busy = False
        self._change = threading.Condition()
        threading.Thread(target=self._run, name="nudges", daemon=True).start()

    def say(self, name: str, task: str, args: list[int]) -> None:
        """Send this soon. The same name said twice before it is sent is one nudge."""
        with self._change:
            self._waiting[name] = (task, args)
            self._change.notify_all()

    def flush(self, seconds: float) -> bool:
        """Wait until nothing waits."""
        ends = monotonic() + seconds
        with self._change:
            while self._waiting or self._busy:
                if not self._change.wait(ends - monotonic()):
                    return False
        return True

    def _run(self) -> None:
        while True:
            with self._change:
                self._busy = False
                self._change.notify_all()
                while not self._waiting:
                    self._change.wait()
                said, self._waiting = self._waiting, {}
                self._busy = True
            for name, (task, args) in said.items():
                _send(name, task, args)


def _send(name: str, task: str, args: list[int]) -> None:
    """Publish unless it is published already."""
    try:
        queue = TASKS[task].queue
        if signals.claim_nudge(name) and not signals.is_piled_up(queue):
            app.send_task(task, args=args, queue=queue, retry=False)
    except Exception as error:  # whatever it is: the thread that ends here ends all later nudges
        signals.breaker.trip()
        log.warning("nudge not sent", extra={"task": task, "error": type(error).__name__})
