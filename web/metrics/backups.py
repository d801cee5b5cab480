"""Prometheus gauges of backups, read from the database at each scrape.

Ages grow between two backups, so that an alert fires even if no worker runs.
"""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.core import clock
from models.core.database.transactions import reading
from models.queries.running.health import BackupHealth, backup_health
from models.rules.health import seconds_since

_KIND: Final = ("store", "kind")
_STORE: Final = ("store",)
_JOB: Final = ("name",)  # `job` is Prometheus' own label


class BackupCollector(Collector):
    """One query per scrape. Without the database there are none of these gauges."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the current gauges."""
        try:
            with reading() as session:
                found = backup_health(session, now=clock.now())
                families = [*_of_stores(found), *_of_jobs(found)]
        except (DBAPIError, PoolTimeout):
            return
        yield from families


def _of_stores(found: BackupHealth) -> Iterator[GaugeMetricFamily]:
    age = _gauge(
        "newest_age_seconds", "Age of the state that the newest backup holds, in seconds.", _KIND
    )
    size = _gauge("newest_bytes", "Stored size of the newest backup.", _KIND)
    count = _gauge("backups", "Backups in a store.", _STORE)
    total = _gauge("bytes", "Stored size of all backups.", _STORE)
    damaged = _gauge("damaged_manifests", "Manifests that cannot be trusted.", _STORE)
    for store, facts in found.stores.items():
        count.add_metric((store,), facts["backups"])
        total.add_metric((store,), facts["bytes"])
        damaged.add_metric((store,), len(facts["damaged"]))
        for kind, one in facts["newest"].items():
            age.add_metric((store, kind), one["age"])
            size.add_metric((store, kind), one["bytes"])
    yield from (age, size, count, total, damaged)


def _of_jobs(found: BackupHealth) -> Iterator[GaugeMetricFamily]:
    age = _gauge("job_success_age_seconds", "Seconds since a job's last success.", _JOB)
    took = _gauge("job_seconds", "Seconds that a job's last run took.", _JOB)
    failing = _gauge("job_failing", "1 when a job's last run failed.", _JOB)
    for name, run in sorted(found.jobs.items()):
        since = seconds_since(run.last_success, now=clock.now())
        if since is not None:
            age.add_metric((name,), since)
        took.add_metric((name,), (run.duration_ms or 0) / 1000)
        failing.add_metric((name,), int(run.last_error is not None))
    yield from (age, took, failing)


def _gauge(name: str, text: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"maitred_backup_{name}", text, labels=labels)
