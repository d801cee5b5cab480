"""Audit of staff access to guests' contacts: one entry per account, view and hour.

A host stand polls its book every few seconds. Entries of the current hour are remembered in this
process, and in Redis for the other processes, so that repeats cost no database query.
"""

import hashlib
import logging
import threading
from functools import lru_cache
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.core import clock
from models.core.database.transactions import unit
from models.core.errors import Busy
from models.core.redis import signals
from models.operations.accounts.audit import note

log = logging.getLogger(__name__)

SECONDS: Final = 3600
#: Maximum of remembered views. Beyond it the memory is cleared, and some are recorded twice.
_MAX_REMEMBERED: Final = 20_000


def audit_read(restaurant_id: int, actor: str, action: str, about: str) -> None:
    """Record that this staff account read that. A failure is logged and does not deny access."""
    now = clock.now()
    hour = int(now.timestamp()) // SECONDS
    name = f"{restaurant_id} {actor} {action} {about}"
    if not _seen().is_new(name, hour):
        return
    key = hashlib.sha256(f"{name} {hour}".encode()).hexdigest()[:32]
    # without Redis each process writes its own entry: a duplicate is better than none
    if not signals.attempt("set", f"look:{key}", b"1", nx=True, ex=SECONDS, default=True):
        return
    try:
        unit(
            lambda session: note(
                session, restaurant_id, actor=actor, action=action, about=[about], now=now
            )
        )
    except (DBAPIError, PoolTimeout, Busy) as error:
        log.warning("audit entry not written", extra={"error": type(error).__name__})


class _Seen:
    """The views of the current hour in this process."""

    def __init__(self) -> None:
        self._hour, self._names, self._lock = 0, set[str](), threading.Lock()

    def is_new(self, name: str, hour: int) -> bool:
        """Add the name. Return whether it is new in this hour."""
        with self._lock:
            if hour != self._hour or len(self._names) >= _MAX_REMEMBERED:
                self._hour, self._names = hour, set()
            is_new = name not in self._names
            self._names.add(name)
            return is_new


@lru_cache(maxsize=1)
def _seen() -> _Seen:
    return _Seen()
