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
KEPT_FREE: Final = 4
#: Of those, the threads for monitoring: metrics matter most when the process is full.
WATCHERS: Final = 2
#: If the room was full and nothing ended for so many seconds, the next request is refused
#: without waiting.
STALLED_SECONDS: Final = 0.5
_ANSWERED_ALWAYS: Final = frozenset({"operations.healthz", "static"})
_WATCHED: Final = frozenset({"operations.get_metrics", "operations.readyz"})


class Room:
    """A limit on concurrent requests. The next one waits for one to end, unless all are stalled."""

    def __init__(self, size: Callable[[], int]) -> None:
        self._size, self._inside = size, 0
        # updated on entry too: a room that has just become full is not stalled
        self._moved = monotonic()
        self._free = threading.Condition()

    def enter(self) -> bool:
        """Enter, waiting briefly if needed. False when there is no room."""
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
        """Free a place for the next request."""
        with self._free:
            self._inside -= 1
            self._moved = monotonic()
            self._free.notify()


def register_room(app: APIFlask, open_streams: Callable[[], int]) -> None:
    """Limit the concurrent requests of `app` to what WEB_THREADS leaves room for."""
    threads = settings().web_threads
    guests = Room(lambda: room_of(threads, open_streams()))
    watchers = Room(lambda: WATCHERS)

    def enter() -> None:
        if request.endpoint in _ANSWERED_ALWAYS:
            return
        room = watchers if request.endpoint in _WATCHED else guests
        if not room.enter():
            raise Unavailable("the server is overloaded; try again in a moment")
        g.room = room

    def leave(_error: BaseException | None) -> None:
        room = g.pop("room", None)
        if room is not None:
            room.leave()

    app.before_request(enter)
    app.teardown_request(leave)


def room_of(threads: int, streams: int) -> int:
    """Return the number of concurrent requests. A started stream is not one, but holds a thread."""
    return max(threads - streams - KEPT_FREE, threads // 4, 1)
