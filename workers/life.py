"""A sign of life: a file whose age tells a container's health check that this worker is stuck.

Stuck is a worker whose loop stands still though no task runs and Redis answers. A database or a
Redis that is away stops the work, but ending the worker would mend nothing.
"""

import os
import threading
from pathlib import Path
from time import monotonic
from typing import Any, Final

from celery import bootsteps

from models.core.processes import systemd_listens_at, tell_systemd
from models.core.redis import signals
from workers import watchdog

#: Touched from when the worker listens; a release waits until it is there.
FILE: Final = os.environ.get("WORKER_SIGN_OF_LIFE", "")
#: The loop ticks so often, in seconds, whenever it is free.
TICK_SECONDS: Final = 5.0
#: A loop without a tick for so long is held up by something.
STILL_SECONDS: Final = 30.0

_ticked = monotonic()


def tick() -> None:
    """The loop goes round."""
    global _ticked
    _ticked = monotonic()


def is_stuck() -> bool:
    """Whether the loop stands still without a reason."""
    if monotonic() - _ticked < STILL_SECONDS or watchdog.is_busy():
        return False
    return signals.is_up()


def start() -> None:
    """Show the sign from now on, for as long as this worker is not stuck."""
    if FILE:
        Path(FILE).touch()
        threading.Thread(target=_show, name="life", daemon=True).start()


def _show() -> None:
    while True:
        threading.Event().wait(TICK_SECONDS)
        if not is_stuck():
            Path(FILE).touch()


def reassure() -> threading.Event:
    """Tell systemd that this worker is not stuck, where it asks for that (WatchdogSec=).

    From the start of the process on: a worker that waits for Redis is not stuck. Until the
    event is set; a worker never sets it.
    """
    ended = threading.Event()
    if where := systemd_listens_at():
        threading.Thread(
            target=_reassure, args=(where, ended), name="reassuring", daemon=True
        ).start()
    return ended


def _reassure(where: str, ended: threading.Event) -> None:
    while not ended.is_set():
        if not is_stuck():
            tell_systemd(where, "WATCHDOG=1")
        ended.wait(TICK_SECONDS)


class Ticking(bootsteps.StartStopStep):  # type: ignore[misc]
    """The consumer's own timer ticks; with the connection to the broker it begins anew."""

    requires = ("celery.worker.consumer.connection:Connection",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        """Tick now, and from now on."""
        tick()
        self._timer = parent.timer.call_repeatedly(TICK_SECONDS, tick)

    def stop(self, parent: Any) -> None:
        """The connection is gone, or the worker ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
