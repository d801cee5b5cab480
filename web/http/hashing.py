"""Password hashing with a limit on concurrent hashes: each takes 64 MiB and a core while it runs.

Beyond the limit a request is refused immediately and does not wait: waiting requests would hold
the threads that other requests need.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from models.core.settings import settings
from models.operations.accounts import accounts
from web.http.problems import TooManyHashes
from web.metrics import requests as metrics

_FULL: Final = "too many passwords are being checked; try again in a moment"


def is_password(password: str, password_hash: str | None) -> bool:
    """Call `accounts.is_password` within the limit. Raises TooManyHashes."""
    with _slot():
        return accounts.is_password(password, password_hash)


def hash_password(password: str, *, about: Iterable[str] = ()) -> str:
    """Call `accounts.hash_password` within the limit. Raises Invalid, TooManyHashes."""
    with _slot():
        return accounts.hash_password(password, about=about)


class _HashSlots:
    """A count of concurrent hashes in this process, with a maximum."""

    def __init__(self, total: int) -> None:
        self._total, self._taken, self._lock = total, 0, threading.Lock()

    def move(self, by: int) -> bool:
        """Take a place (1) or release it (-1). False when all are taken."""
        with self._lock:
            if self._taken + by > self._total:
                return False
            self._taken += by
            metrics.show_hashes(self._taken)
            return True


@lru_cache(maxsize=1)
def _slots() -> _HashSlots:
    return _HashSlots(settings().hashes_max)


@contextmanager
def _slot() -> Iterator[None]:
    slots = _slots()
    if not slots.move(1):
        metrics.count_hash_refused()
        raise TooManyHashes(_FULL)
    try:
        yield
    finally:
        slots.move(-1)
