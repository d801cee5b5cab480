"""`Prefer: wait=N`: hold the request until the decision, without using up all threads."""

import threading
from functools import lru_cache

from models.core.observe import traces
from models.core.redis import signals
from models.core.settings import settings


@lru_cache(maxsize=1)
def _slots() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(max(settings().waiters_max, 1))


def wait_for_decision(kind: str, number: int, seconds: int) -> bool:
    """Wait for the decision on a reservation or change. False: not decided, or no place to wait.

    `kind` is "reservation" or "change". At most `waiters_max` requests of this process wait at the
    same time. The others get their 202 without waiting, so that a slow worker cannot block the web
    process.
    """
    if seconds <= 0 or settings().waiters_max == 0:
        return False
    if not _slots().acquire(blocking=False):
        return False
    try:
        with traces.child_span("wait for the decision"):
            return signals.wait_decided(kind, number, seconds)
    finally:
        _slots().release()
