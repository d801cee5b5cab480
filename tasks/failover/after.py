"""What follows a fail-over: it is written down, and the clock and the workers are waited for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic, sleep
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
from models.entities.running import JobRun, Lease, Promotion
from models.operations.running.jobs import forget_results, record_job
from models.operations.running.promotions import write_promotion
from tasks.backups.records import LOG
from tasks.failover.switch import Switched

#: The record of the last fail-over, among the jobs.
JOB: Final = "failover"


@dataclass(frozen=True, slots=True)
class Signs:
    """After how many seconds the clock renewed its lease on the new primary, and a worker did what
    it was asked for there; None when that was not seen.
    """

    clock: float | None
    workers: float | None


def record(done: Switched, *, began: datetime) -> None:
    """Write a fail-over down, in the database of the new primary.

    Its log begins another life: a server that was seeded anew since it was the primary last names
    its files as it did then. The promotion is written and told to Redis, where it is not yet.
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
        newest = known.look() if known else 0
        return write_promotion(session, done.primary, newest=newest, now=clock.now())

    with database_of(done.primary) as bind:
        epoch = unit(work, bind)
    if known:
        known.note(epoch)


def is_recorded(primary: str) -> bool:
    """Whether the last fail-over that was written down made this server the primary, and none
    that Redis remembers came after it.
    """
    known = memory_of(settings().database_url)
    newest = known.look() if known else 0

    def look(session: Session) -> bool:
        run = session.get(JobRun, JOB)
        epoch = session.scalar(select(func.max(Promotion.epoch))) or 0
        is_last = bool(run and run.result and run.result.get("primary") == primary)
        return is_last and epoch >= newest

    with database_of(primary) as bind:
        return unit(look, bind)


@contextmanager
def database_of(primary: str) -> Iterator[Engine]:
    """The database on that server, whatever others say; by DATABASE_URL where that names it so."""
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


def await_restaurant(*, seconds: float) -> Signs:
    """Wait for signs of life on the new primary, so long at most. Redis may be empty or new."""
    began, since = monotonic(), clock.now()
    found: dict[str, float] = {}
    lease = _seen(_lease)
    while True:
        now = _seen(_lease)
        if now is not None and lease is None:
            lease = now
        elif now is not None and lease is not None and now > lease:
            found.setdefault("clock", monotonic() - began)
        ran = _seen(_last_run)
        if ran is not None and ran > since:
            found.setdefault("workers", monotonic() - began)
        if len(found) == 2 or monotonic() - began > seconds:
            return Signs(found.get("clock"), found.get("workers"))
        sleep(0.1)


def _seen(query: Any) -> datetime | None:
    try:
        with reading() as session:
            found: datetime | None = query(session)
            return found
    except (DBAPIError, Busy):
        return None


def _lease(session: Session) -> datetime | None:
    return session.scalar(select(func.max(Lease.expires_at)).where(Lease.name == "scheduler"))


def _last_run(session: Session) -> datetime | None:
    # of any job: one queue may be busy with what waits
    return session.scalar(select(func.max(JobRun.last_success)).where(JobRun.name != JOB))
