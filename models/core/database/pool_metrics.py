"""Prometheus metrics of the database connections that this process uses."""

import threading
from typing import Any, Final

from prometheus_client import Gauge
from sqlalchemy import Engine, event
from sqlalchemy.pool import QueuePool

#: over the processes of one METRICS_DIR: the sum of the live ones
_IN_USE: Final = Gauge(
    "maitred_database_connections_in_use",
    "Database connections in use.",
    multiprocess_mode="livesum",
)
_MOST: Final = Gauge(
    "maitred_database_connections_most",
    "Maximum of database connections: a further request for one waits.",
    multiprocess_mode="livesum",
)


def watch_pool(engine: Engine) -> None:
    """Count the engine's connections as they are checked out and in. For one engine per process."""
    pool = engine.pool
    if not isinstance(pool, QueuePool):
        return
    _MOST.set(pool.size() + pool._max_overflow)
    taken: set[int] = set()
    lock = threading.Lock()

    # a set, not a counter: a broken connection may be checked in without having been checked out
    @event.listens_for(engine, "checkout")
    def checkout(_connection: Any, record: Any, _proxy: Any) -> None:
        with lock:
            taken.add(id(record))
            _IN_USE.set(len(taken))

    @event.listens_for(engine, "checkin")
    def checkin(_connection: Any, record: Any) -> None:
        with lock:
            taken.discard(id(record))
            _IN_USE.set(len(taken))
