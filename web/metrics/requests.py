"""Prometheus counters and latencies by route and status, and the text of `/metrics`."""

import os
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from models.core.settings import settings
from web.metrics.backups import BackupCollector
from web.metrics.restaurant import HealthCollector

clock = time.perf_counter
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
KEPT_SECONDS = 1.0

_REQUESTS: Final = Counter(
    "maitred_http_requests_total", "Answered requests.", ("method", "route", "status")
)
_SECONDS: Final = Histogram(
    "maitred_http_request_seconds",
    "Seconds from the first byte read to the finished response.",
    ("method", "route"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_AVAILABILITY: Final = Counter(
    "maitred_availability_total", "Availability answers, by source: cache or database.", ("source",)
)
_STREAMS: Final = Gauge("maitred_streams", "Open event streams.", multiprocess_mode="livesum")
_HASHES: Final = Gauge(
    "maitred_password_hashes", "Passwords being hashed now.", multiprocess_mode="livesum"
)
_HASHES_REFUSED: Final = Counter(
    "maitred_password_hashes_refused_total", "Passwords not checked: too many at the same time."
)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})


def count(method: str, route: str, status: int, *, since: float | None) -> None:
    """Count one answered request. Unknown methods share one label, to bound the label values."""
    requests, seconds = _children(method if method in METHODS else "other", route, status)
    requests.inc()
    if since is not None:
        seconds.observe(clock() - since)


def count_availability(source: str) -> None:
    """Count one availability answer: `cache` or `database`."""
    _AVAILABILITY.labels(source).inc()


def show_streams(count: int) -> None:
    """Set the number of open streams in this process."""
    _STREAMS.set(count)


def show_hashes(count: int) -> None:
    """Set the number of passwords that this process is hashing."""
    _HASHES.set(count)


def count_hash_refused() -> None:
    """Count a password that was not checked, because too many were being hashed."""
    _HASHES_REFUSED.inc()


@lru_cache(maxsize=1024)
def _children(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    # looking up labels costs more than counting
    return _REQUESTS.labels(method, route, str(status)), _SECONDS.labels(method, route)


class _Cached:
    """The last text and its expiry. Concurrent callers wait for the one that is being made."""

    def __init__(self) -> None:
        self._lock, self._text, self._until = threading.Lock(), b"", 0.0

    def text(self) -> bytes:
        """Return the text, at most KEPT_SECONDS old."""
        with self._lock:
            if clock() >= self._until:
                self._text = _build()
                self._until = clock() + KEPT_SECONDS
            return self._text


@lru_cache(maxsize=1)
def _cached() -> _Cached:
    return _Cached()


def exposition() -> bytes:
    """Return the exposition, rebuilt at most once in KEPT_SECONDS: it costs queries and CPU."""
    return _cached().text()


def _build() -> bytes:
    """Build the exposition of this process, or of all when METRICS_DIR is set, plus the gauges
    that are read from the database.

    With METRICS_DIR, start the processes with PROMETHEUS_MULTIPROC_DIR set to the same folder.
    """
    folder = settings().metrics_dir
    registry = CollectorRegistry()
    registry.register(HealthCollector())
    registry.register(BackupCollector())
    if folder is None or not folder.is_dir():
        return generate_latest(REGISTRY) + generate_latest(registry)
    _drop_ended_processes(folder)
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _drop_ended_processes(folder: Path) -> None:
    """Drop live gauges of processes that have ended, even if killed. Their counters stay."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            pass  # alive, and owned by another user
