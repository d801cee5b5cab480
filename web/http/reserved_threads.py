"""Threads that are kept free: whatever the others wait for, `/healthz` answers at once.

A database that falls silent holds each request for as long as a statement may take. Without this
the last threads would wait for it as well, and nobody would be told anything.
"""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final

from apiflask import APIFlask
from flask import g, request

from models.core.settings import settings
from web.http.problems import Unavailable

#: Threads that no request of the restaurants' may keep.
KEPT_FREE: Final = 4
#: Of those, so many are for who watches the process: its counts say most when it has no room.
WATCHERS: Final = 2
#: Seconds in which it was full and nobody was done: the next is refused, and does not wait in turn.
STALLED_SECONDS: Final = 0.5
_ANSWERED_ALWAYS: Final = frozenset({"operations.healthz", "static"})
_WATCHED: Final = frozenset({"operations.get_metrics", "operations.readyz"})


class Room:
    """So many requests at once. The next waits for one to end, but not where none does."""

    def __init__(self, size: Callable[[], int]) -> None:
        self._size, self._inside = size, 0
        # also when somebody came in: a room that has just become full is no stalled one
        self._moved = monotonic()
        self._free = threading.Condition()

    def enter(self) -> bool:
        """Whether there was room, now or soon."""
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
        """One is done: the next may enter."""
        with self._free:
            self._inside -= 1
            self._moved = monotonic()
            self._free.notify()


def register_room(app: APIFlask, open_streams: Callable[[], int]) -> None:
    """Let `app` work at so many requests at once as WEB_THREADS leaves room for."""
    threads = settings().web_threads
    guests = Room(lambda: room_of(threads, open_streams()))
    watchers = Room(lambda: WATCHERS)

    def enter() -> None:
        if request.endpoint in _ANSWERED_ALWAYS:
            return
        room = watchers if request.endpoint in _WATCHED else guests
        if not room.enter():
            raise Unavailable("too much waits for the database now; try again in a moment")
        g.room = room

    def leave(_error: BaseException | None) -> None:
        room = g.pop("room", None)
        if room is not None:
            room.leave()

    app.before_request(enter)
    app.teardown_request(leave)


def room_of(threads: int, streams: int) -> int:
    """Requests at once: a stream is one no longer once it has begun, but keeps its thread."""
    return max(threads - streams - KEPT_FREE, threads // 4, 1)
