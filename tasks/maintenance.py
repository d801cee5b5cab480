"""The maintenance queue: scheduled jobs, so that no work depends on a nudge."""

import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from sqlalchemy.exc import DBAPIError

from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.observe.sentry import check_in
from models.core.redis import signals
from models.core.settings import settings
from models.operations.messages.claims import release_expired_claims
from models.operations.running.health import note_health
from models.operations.running.jobs import record_job
from models.queries.running import flags
from models.queries.running.health import has_due_messages, read_health, restaurants_with_work
from models.rules.health import LATE_AFTER, heartbeat_name
from tasks.app import app
from tasks.failover.health import server_health, with_servers
from tasks.jobs.guest_book import FILE_SECONDS, file_reservations
from tasks.jobs.retention import apply_retention, delete_audit, forget_records
from tasks.jobs.stand import STAND_JOBS
from tasks.jobs.waitlist_offers import FLAGS_SEEN, repeat_offers
from tasks.jobs.wall_times import check_wall_times
from tasks.nudges import nudge_lane, nudge_messages

log = logging.getLogger(__name__)

#: The longest that a run of retention may occupy its queue.
RETAIN_SECONDS = 5.0


class JobRecord:
    """Record a job run: `with JobRecord("sweep") as job:` stores start, duration and outcome."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.result: dict[str, Any] | None = None
        self._started: datetime = clock.now()

    def __enter__(self) -> "JobRecord":
        self._started = clock.now()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        check_in(
            self.name,
            is_well=error is None,
            seconds=(clock.now() - self._started).total_seconds(),
            late_after=LATE_AFTER[self.name],
        )
        if isinstance(error, DBAPIError):
            return  # after a database error in the job this statement would fail as well
        unit(
            lambda session: record_job(
                session,
                self.name,
                started=self._started,
                ended=clock.now(),
                error=kind.__name__ if kind else None,
                result=self.result,
            )
        )


@app.task(name="maintenance.sweep")
def sweep() -> None:
    """Nudge every lane that has work, and due messages; requeue messages stuck in sending."""
    with JobRecord("sweep") as job:
        now = clock.now()
        flags.refresh()
        released = unit(lambda session: release_expired_claims(session, now=now))
        seen = repeat_offers(now)
        job.result = {"released": released, FLAGS_SEEN: seen, **_nudge_due_work(now)}


@app.task(name="maintenance.mark_no_shows")
def mark_no_shows() -> None:
    """Mark parties that did not arrive as no-shows, where the restaurant chose `auto_no_show`."""
    _run_stand_job("mark_no_shows")


@app.task(name="maintenance.finish_overdue")
def finish_overdue() -> None:
    """Finish seated parties long past their turn, where the restaurant chose `auto_finish`."""
    _run_stand_job("finish_overdue")


@app.task(name="maintenance.end_evenings")
def end_evenings() -> None:
    """Finish parties whose outcome the staff never recorded."""
    _run_stand_job("end_evenings")


@app.task(name="maintenance.release_unconfirmed")
def release_unconfirmed() -> None:
    """Free the tables of parties that were not confirmed by the link, or not approved, in time."""
    _run_stand_job("release_unconfirmed")


@app.task(name="maintenance.expire_waitlists")
def expire_waitlists() -> None:
    """Expire waitlisted parties whose start has come, and notify them."""
    _run_stand_job("expire_waitlists")


@app.task(name="maintenance.call_next")
def call_next() -> None:
    """Call the next party at the door where the one that was called did not come in time."""
    _run_stand_job("call_next")


@app.task(name="maintenance.end_lists")
def end_lists() -> None:
    """Expire parties left on the list at the door after its evening."""
    _run_stand_job("end_lists")


@app.task(name="maintenance.make_way")
def make_way() -> None:
    """Move the next party of an overstayed table to another table."""
    _run_stand_job("make_way")


def _run_stand_job(name: str) -> None:
    with JobRecord(name) as job:
        now = clock.now()
        job.result = {"moved": STAND_JOBS[name](now), **_nudge_due_work(now)}


@app.task(name="maintenance.health")
def health() -> None:
    """Check the installation; store the result for `/readyz`, and log what is overdue."""
    with JobRecord("health") as job:
        with reading() as session:
            found = read_health(session, now=clock.now())
        facts = with_servers(found.as_json(), server_health())
        redis = signals.is_up()
        late = facts["late"] if redis else [*facts["late"], "redis"]
        unit(lambda session: note_health(session, late, now=clock.now()))
        job.result = {"redis": redis, **facts}
        if facts["late"]:
            log.warning("work overdue", extra={"late": facts["late"]})


@app.task(name="maintenance.forget")
def forget() -> None:
    """Delete old idempotency keys, expired sign-ins and old health changes."""
    with JobRecord("forget") as job:
        job.result = {"forgotten": forget_records(now=clock.now())}


@app.task(name="maintenance.wall_times")
def wall_times() -> None:
    """Count the parties whose local time new zone rules have moved."""
    with JobRecord("wall_times") as job:
        job.result = check_wall_times(clock.now())


@app.task(name="maintenance.retain")
def retain() -> None:
    """Forget guests, and delete messages and audit entries, whose retention period is over.

    Stops after about RETAIN_SECONDS, because other jobs wait behind it; the next run continues.
    """
    with JobRecord("retain") as job:
        now = clock.now()
        done = apply_retention(now=now, seconds=RETAIN_SECONDS)
        audit = delete_audit(before=now - timedelta(days=settings().keep_audit_days))
        job.result = {**asdict(done), "audit": audit}


@app.task(name="maintenance.file_guests")
def file_guests() -> None:
    """File new reservations in the guest books; after an upgrade, all that were made before it."""
    with JobRecord("file_guests") as job:
        job.result = file_reservations(now=clock.now(), seconds=FILE_SECONDS)


@app.task(name="maintenance.heartbeat")
def heartbeat(queue: str) -> None:
    """Record that tasks of this queue get finished. A ping is no check: a stuck worker answers."""
    with JobRecord(heartbeat_name(queue)):
        pass


def _nudge_due_work(now: datetime) -> dict[str, Any]:
    with reading() as session:
        restaurants = restaurants_with_work(session)
        messages = has_due_messages(session, now=now)
    lanes = sorted({restaurant % settings().lanes for restaurant in restaurants})
    for lane in lanes:
        nudge_lane(lane)
    if messages:
        nudge_messages()
    return {"lanes": lanes, "messages_due": messages}
