"""Nudges: signal a worker that there is work. Coalesced, and never an error: rows are the queue.

A separate thread publishes to Redis, so that a request does not wait for it. While one nudge is
being sent, later nudges of the same name are merged. The sweep makes up for a lost nudge.
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
    """Signal that work waits in this allocation lane."""
    _nudger(os.getpid()).enqueue(f"lane:{lane}", "allocation.decide", [lane])


def nudge_messages() -> None:
    """Signal that a message is due."""
    _nudger(os.getpid()).enqueue("messages", "messages.deliver", [])


def flush_nudges(seconds: float = 2.0) -> bool:
    """Wait until all nudges of this process are sent. Return False when it takes longer."""
    return _nudger(os.getpid()).flush(seconds)


@lru_cache(maxsize=1)
def _nudger(_pid: int) -> "Nudger":
    # cached per process id: a forked child does not have the parent's thread
    return Nudger()


class Nudger:
    """One daemon thread that sends the nudges."""

    def __init__(self) -> None:
        self._waiting: _Waiting = {}
        self._busy = False
        self._change = threading.Condition()
        threading.Thread(target=self._run, name="nudges", daemon=True).start()

    def enqueue(self, name: str, task: str, args: list[int]) -> None:
        """Queue a nudge. Two with the same `name` before it is sent are one nudge."""
        with self._change:
            self._waiting[name] = (task, args)
            self._change.notify_all()

    def flush(self, seconds: float) -> bool:
        """Wait until no nudge is queued or being sent. Return False when it takes longer."""
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
                batch, self._waiting = self._waiting, {}
                self._busy = True
            for name, (task, args) in batch.items():
                _send(name, task, args)


def _send(name: str, task: str, args: list[int]) -> None:
    """Publish the task unless this nudge is published already or its queue is piled up."""
    try:
        queue = TASKS[task].queue
        if signals.claim_nudge(name) and not signals.is_piled_up(queue):
            app.send_task(task, args=args, queue=queue, retry=False)
    except Exception as error:  # any error: if this thread ended, no later nudge would be sent
        signals.breaker.trip()
        log.warning("nudge not sent", extra={"task": task, "error": type(error).__name__})
