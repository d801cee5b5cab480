"""Threads that are kept free: whatever the others wait for, `/healthz` answers at once.

A database that falls silent holds each request for as long as a statement may take. Without this
the last threads would wait for it as well, and nobody would be told anything.
"""

import threading
from time import monotonic
from typing import Final

from apiflask import APIFlask
from flask import g, request

from models.core.settings import settings
from web.problems import Unavailable

#: Threads that no request of the restaurants' may take.
KEPT_FREE: Final = 4
#: Seconds in which nobody was done: then the next is refused instead of waiting in turn.
STALLED_SECONDS: Final = 0.5
_ANSWERED_ALWAYS: Final = frozenset({"operations.healthz", "static"})


class Room:
    """So many requests at once. The next waits for one to end, but not where none does."""

    def __init__(self, size: int) -> None:
        self._places = threading.BoundedSemaphore(size)
        self._left = monotonic()

    def enter(self) -> bool:
        """Whether there was room, now or soon."""
        if self._places.acquire(blocking=False):
            return True
        while monotonic() - self._left < STALLED_SECONDS:
            if self._places.acquire(timeout=STALLED_SECONDS):
                return True
        return False

    def leave(self) -> None:
        """One is done: the next may enter."""
        self._left = monotonic()
        self._places.release()


def register_room(app: APIFlask) -> None:
    """Let `app` work at so many requests at once as WEB_THREADS leaves room for."""
    room = Room(room_of(settings().web_threads, settings().streams_max))

    def enter() -> None:
        if request.endpoint in _ANSWERED_ALWAYS:
            return
        if not room.enter():
            raise Unavailable("too much waits for the database now; try again in a moment")
        g.has_room = True

    def leave(_error: BaseException | None) -> None:
        if g.pop("has_room", False):
            room.leave()

    app.before_request(enter)
    app.teardown_request(leave)


def room_of(threads: int, streams: int) -> int:
    """Requests at once: a stream is one no longer once it has begun, but keeps its thread."""
    return max(threads - streams - KEPT_FREE, threads // 2, 1)
