"""Steps after a fail-over: record it, and wait for the scheduler and the workers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.epochs import memory_of
from models.core.database.servers import server_name, split_url
from models.core.database.transactions import engine, make_engine, reading, unit
from models.core.errors import Busy
from models.core.settings import settings
from models.core.waiting import wait_until
from models.entities.running import JobRun, Lease, Promotion
from models.operations.running.jobs import forget_results, record_job
from models.operations.running.promotions import write_promotion
from models.queries.running.presence import LEASE
from tasks.backups.records import LOG
from tasks.failover.switch import Switched

#: The record of the last fail-over, among the jobs.
JOB: Final = "failover"


@dataclass(frozen=True, slots=True)
class Signs:
    """Seconds until a sign of life on the new primary; None when it was not seen.

    `scheduler`: it renewed its lease. `workers`: a worker finished a job.
    """

    scheduler: float | None
    workers: float | None


def record(done: Switched, *, began: datetime) -> None:
    """Record a fail-over in the database of the new primary.

    The stored log starts a new life, because a server that was seeded anew since it was the primary
    reuses the names of its log files. Writes the promotion, and sends it to Redis, where missing.
    """
    lost = None if done.lost is None else [str(missing) for missing in done.lost]
    result: dict[str, Any] = {
        "primary": done.primary,
        "old": done.old,
        "stopped_seconds": round(done.stopped_seconds, 2),
        "lost": lost,
    }

    known = memory_of(settings().database_url)

    def work(session: Session) -> int:
        record_job(session, JOB, started=began, ended=clock.now(), result=result)
        if done.promoted:
            forget_results(session, [LOG])
        newest = known.read_newest() if known else 0
        return write_promotion(session, done.primary, newest=newest, now=clock.now())

    with database_of(done.primary) as bind:
        epoch = unit(work, bind)
    if known:
        known.note(epoch)


def is_recorded(primary: str) -> bool:
    """Whether the last recorded fail-over promoted this server, and Redis has none after it."""
    known = memory_of(settings().database_url)
    newest = known.read_newest() if known else 0

    def read(session: Session) -> bool:
        run = session.get(JobRun, JOB)
        epoch = session.scalar(select(func.max(Promotion.epoch))) or 0
        is_last = bool(run and run.result and run.result.get("primary") == primary)
        return is_last and epoch >= newest

    with database_of(primary) as bind:
        return unit(read, bind)


@contextmanager
def database_of(primary: str) -> Iterator[Engine]:
    """Yield the database on that server, by DATABASE_URL; if that lacks it, the usual engine."""
    urls = split_url(settings().database_url)
    found = next((url for url in urls if server_name(url) == primary), None)
    if found is None:
        yield engine()
        return
    bind = make_engine(found.render_as_string(hide_password=False), pool_size=1)
    try:
        yield bind
    finally:
        bind.dispose()


def await_signs(*, seconds: float) -> Signs:
    """Wait at most `seconds` for signs of life on the new primary. Redis may be empty or new."""
    began, since = monotonic(), clock.now()
    found: dict[str, float] = {}
    lease = _seen(_lease)

    def both_seen() -> bool:
        nonlocal lease
        now = _seen(_lease)
        if now is not None and lease is None:
            lease = now
        elif now is not None and lease is not None and now > lease:
            found.setdefault("scheduler", monotonic() - began)
        ran = _seen(_last_run)
        if ran is not None and ran > since:
            found.setdefault("workers", monotonic() - began)
        return len(found) == 2

    wait_until(both_seen, every=0.1, seconds=seconds)
    return Signs(found.get("scheduler"), found.get("workers"))


def _seen(query: Any) -> datetime | None:
    try:
        with reading() as session:
            found: datetime | None = query(session)
            return found
    except (DBAPIError, Busy):
        return None


def _lease(session: Session) -> datetime | None:
    return session.scalar(select(func.max(Lease.expires_at)).where(Lease.name == LEASE))


def _last_run(session: Session) -> datetime | None:
    # of any job, because one queue may be busy with its backlog
    return session.scalar(select(func.max(JobRun.last_success)).where(JobRun.name != JOB))
