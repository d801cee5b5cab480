"""Threads that stay free, so that `/healthz` always answers immediately.

A database that stops responding holds each request until the statement timeout. Without a
reserve the last threads would wait for it too, and nothing could be answered.
"""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

from apiflask import APIFlask
from flask import g, request

from models.core.settings import settings
from web.http.problems import Unavailable

#: Threads that ordinary requests cannot occupy.
RESERVED: Final = 4
#: Of those, the threads for monitoring: metrics matter most when the process is full.
MONITORING_THREADS: Final = 2
#: If all slots were taken and none was released for so many seconds, the next request is refused
#: without waiting.
STALLED_SECONDS: Final = 0.5
_ANSWERED_ALWAYS: Final = frozenset({"operations.healthz", "static"})
_MONITORING: Final = frozenset({"operations.get_metrics", "operations.readyz"})


class RequestSlots:
    """A limit on concurrent requests. The next one waits for one to end, unless all are stalled."""

    def __init__(self, size: Callable[[], int]) -> None:
        self._size, self._inside = size, 0
        # updated on entry too: slots that have just been filled are not stalled
        self._moved = monotonic()
        self._free = threading.Condition()

    def enter(self) -> bool:
        """Take a slot, waiting briefly if needed. False when all are taken."""
        with self._free:
            while self._inside >= self._size():
                left = STALLED_SECONDS - (monotonic() - self._moved)
                if left <= 0:
                    return False
                self._free.wait(left)
            self._inside += 1
            self._moved = monotonic()
            return True

    def leave(self) -> None:
        """Release a slot for the next request."""
        with self._free:
            self._inside -= 1
            self._moved = monotonic()
            self._free.notify()


def register_request_slots(app: APIFlask, open_streams: Callable[[], int]) -> None:
    """Limit the concurrent requests of `app` to what WEB_THREADS allows."""
    threads = settings().web_threads
    guests = RequestSlots(lambda: slots_for(threads, open_streams()))
    monitoring = RequestSlots(lambda: MONITORING_THREADS)

    def enter() -> None:
        if request.endpoint in _ANSWERED_ALWAYS:
            return
        slots = monitoring if request.endpoint in _MONITORING else guests
        if not slots.enter():
            raise Unavailable("the server is overloaded; try again in a moment")
        g.slots = slots

    def leave(_error: BaseException | None) -> None:
        slots = g.pop("slots", None)
        if slots is not None:
            slots.leave()

    app.before_request(enter)
    app.teardown_request(leave)


def slots_for(threads: int, streams: int) -> int:
    """Return the number of concurrent requests. A started stream is not one, but holds a thread."""
    return max(threads - streams - RESERVED, threads // 4, 1)
