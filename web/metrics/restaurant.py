"""Prometheus gauges of this installation's health: what waits and since when, which jobs ran."""

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.core import clock
from models.core.database.transactions import reading
from models.core.observe.version import release_name
from models.core.redis import signals
from models.entities.flags import FlagSwitch
from models.entities.running import JobRun
from models.queries.running.business import Parties, parties_around
from models.queries.running.flags import switches
from models.queries.running.health import SWEEP, Health, jobs_on, read_health
from models.rules.flags import ALL, EVERYWHERE, Flag
from models.rules.health import CLOCKS, OF_SERVERS, ZONE_DATA

_PREFIX: Final = "maitred_"


class HealthCollector(Collector):
    """Gauges read from the database rows. A scrape takes ten short queries.

    Without the database there are three gauges: that it is down, Redis, and the release.
    """

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the current gauges."""
        yield _release()
        yield _one("redis_up", "Whether Redis answers.", float(signals.is_up()))
        try:
            with reading() as session:
                found = read_health(session, now=clock.now())
                runs = session.scalars(select(JobRun)).all()
                families = [
                    _one("database_up", "Whether the database answers.", 1.0),
                    *_waiting(found, runs),
                    _channels(found),
                    _clocks(found),
                    *_jobs(run for run in runs if run.name in jobs_on()),
                    _flags(switches(session)),
                    *_tonight(parties_around(session, now=clock.now())),
                ]
        except (DBAPIError, PoolTimeout):
            families = [_one("database_up", "Whether the database answers.", 0.0)]
        yield from families


def _release() -> GaugeMetricFamily:
    family = _family("info", "Always 1; the label is the release that answers.", "version")
    family.add_metric([release_name()], 1.0)
    return family


def _tonight(found: Iterable[Parties]) -> Iterator[GaugeMetricFamily]:
    parties = _family(
        "parties", "Parties from twelve hours ago to twelve hours ahead, by status.", "status"
    )
    guests = _family("guests", "Guests in these parties.", "status")
    for each in found:
        parties.add_metric([each.status], each.count)
        guests.add_metric([each.status], each.guests)
    yield from (parties, guests)


def _waiting(found: Health, runs: Iterable[JobRun]) -> Iterator[GaugeMetricFamily]:
    rows = _family("waiting_rows", "Rows that wait to be processed, by kind.", "kind")
    oldest = _family(
        "waiting_oldest_seconds", "Seconds that the oldest of these rows has waited.", "kind"
    )
    for each in found.waiting:
        rows.add_metric([each.kind], each.count)
        oldest.add_metric([each.kind], each.oldest_seconds or 0.0)
    late = _family("late", "1 for each kind of row, job or check that is overdue.", "what")
    names = [each.kind for each in found.waiting] + [each.name for each in found.jobs]
    for what in [*names, CLOCKS, ZONE_DATA]:
        late.add_metric([what], float(what in found.late))
    # only the sweep checks the servers of the database
    sweep = next((run.result or {} for run in runs if run.name == SWEEP), {})
    for what in OF_SERVERS if sweep.get("servers") else ():
        late.add_metric([what], float(what in sweep["late"]))
    yield from (rows, oldest, late)


def _channels(found: Health) -> GaugeMetricFamily:
    family = _family("channel_up", "1 while a channel sends messages.", "channel")
    for each in found.channels:
        family.add_metric([each.channel], float(each.is_up))
    return family


def _clocks(found: Health) -> GaugeMetricFamily:
    family = _family(
        "clock_ahead_seconds", "Seconds by which a process's clock is ahead.", "process"
    )
    for each in found.processes:
        if each.clock_seconds is not None:
            family.add_metric([each.name], each.clock_seconds)
    return family


# not `job`: Prometheus uses that label itself, and would rename ours
def _jobs(runs: Iterable[JobRun]) -> Iterator[GaugeMetricFamily]:
    success = _family("job_last_success_seconds", "Unix time of a job's last success.", "name")
    seconds = _family("job_seconds", "Seconds that a job's last run took.", "name")
    failing = _family("job_failing", "1 when a job's last run failed.", "name")
    for run in runs:
        if run.last_success is not None:
            success.add_metric([run.name], run.last_success.timestamp())
        seconds.add_metric([run.name], (run.duration_ms or 0) / 1000)
        failing.add_metric([run.name], float(run.last_error is not None))
    yield from (success, seconds, failing)


def _flags(found: Iterable[FlagSwitch]) -> GaugeMetricFamily:
    family = _family(
        "flag_percent", "Percentage for which a flag is on at all restaurants.", "flag"
    )
    shares = dict.fromkeys((flag.value for flag in Flag), ALL)
    for row in found:
        if row.restaurant_id == EVERYWHERE and row.flag in shares:
            shares[row.flag] = 0 if row.is_killed else row.percent
    for name, share in shares.items():
        family.add_metric([name], share)
    return family


def _family(name: str, text: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, text, labels=[label])


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, text, value=value)
