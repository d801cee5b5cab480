"""The sign of life: a file whose age tells a container's health check if this worker is stuck.

A worker is stuck when its event loop stands still although no task runs and Redis answers. While
the database or Redis is unreachable no work is done, but ending the worker would not help.
"""

import os
import threading
from pathlib import Path
from time import monotonic
from typing import Any, Final

from celery import bootsteps

from models.core.processes import notify_systemd, take_notify_socket
from models.core.redis import signals
from workers import watchdog

#: Path of the file, touched once the worker listens; a release waits until it exists.
FILE: Final = os.environ.get("WORKER_SIGN_OF_LIFE", "")
#: Seconds between two ticks of the loop, whenever it is free.
TICK_SECONDS: Final = 5.0
#: Seconds without a tick after which the loop counts as blocked.
STILL_SECONDS: Final = 30.0

_ticked = monotonic()


def tick() -> None:
    """Record that the loop is running."""
    global _ticked
    _ticked = monotonic()


def is_stuck() -> bool:
    """Whether the loop stands still although no task runs and Redis answers."""
    if monotonic() - _ticked < STILL_SECONDS or watchdog.is_busy():
        return False
    return signals.is_up()


def start() -> None:
    """Touch FILE regularly from a thread, while this worker is not stuck."""
    if FILE:
        Path(FILE).touch()
        threading.Thread(target=_touch, name="life", daemon=True).start()


def _touch() -> None:
    while True:
        threading.Event().wait(TICK_SECONDS)
        if not is_stuck():
            Path(FILE).touch()


def start_systemd_watchdog() -> threading.Event:
    """Notify systemd that this worker is not stuck, where WatchdogSec= is set.

    From the start of the process, since a worker that waits for Redis is not stuck, until the
    returned event is set; a worker never sets it.
    """
    ended = threading.Event()
    if where := take_notify_socket():
        threading.Thread(
            target=_notify_systemd, args=(where, ended), name="systemd-watchdog", daemon=True
        ).start()
    return ended


def _notify_systemd(where: str, ended: threading.Event) -> None:
    while not ended.is_set():
        if not is_stuck():
            notify_systemd(where, "WATCHDOG=1")
        ended.wait(TICK_SECONDS)


class Ticking(bootsteps.StartStopStep):  # type: ignore[misc]
    """A timer of the consumer that ticks; it is restarted with the connection to the broker."""

    requires = ("celery.worker.consumer.connection:Connection",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        """Tick now, and then every TICK_SECONDS."""
        tick()
        self._timer = parent.timer.call_repeatedly(TICK_SECONDS, tick)

    def stop(self, parent: Any) -> None:
        """Stop ticking: the connection is lost, or the worker ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
