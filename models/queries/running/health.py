"""Health: rows that wait and their age, when each job ran, and which processes are alive."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.core.settings import settings
from models.entities.messages import Message
from models.entities.reservations import Reservation, ReservationChange
from models.entities.running import HealthChange, JobRun
from models.entities.shifts import ShiftDay
from models.queries.messages.channels import ChannelHealth, channel_health
from models.queries.running.presence import ProcessHealth, has_no_leader, late_of, processes_seen
from models.rules.health import (
    LATE_AFTER,
    LEADER,
    OF_BACKUPS,
    OF_SECOND_STORE,
    OF_THE_LOG,
    WAITS_AT_MOST,
    WALL_TIMES,
    ZONE_RULES,
    channel_name,
    is_late,
    seconds_since,
    waits_too_long,
)
from models.rules.reservations.lifecycle import DOOR, HOLDING, OVER_AFTER, Status

#: The job that checks all the others.
SWEEP: Final = "health"
#: Prefix of the names of rows that record the contents of each store of backups: `store.first`.
STORE_ROW: Final = "store."


@dataclass(frozen=True, slots=True)
class WaitingRows:
    """Rows of one kind that wait for processing. Age of the oldest in seconds."""

    kind: str
    count: int
    oldest_seconds: float | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class JobHealth:
    """One scheduled job, or a queue's heartbeat. Age of its last success in seconds."""

    name: str
    since_success_seconds: float | None
    is_late: bool
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Health:
    """The result of one check. Having a result means that the database answered."""

    at: datetime
    waiting: tuple[WaitingRows, ...]
    jobs: tuple[JobHealth, ...]
    #: the contents of each store of backups when it was last opened
    stores: dict[str, Any]
    channels: tuple[ChannelHealth, ...] = ()
    processes: tuple[ProcessHealth, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether nothing is overdue."""
        return not self.late

    @property
    def late(self) -> tuple[str, ...]:
        """The names of what is overdue: kinds of waiting rows, jobs; then what is down."""
        return (
            *(rows.kind for rows in self.waiting if rows.is_late),
            *(job.name for job in self.jobs if job.is_late),
            *(channel_name(each.channel) for each in self.channels if not each.is_up),
            *late_of(self.processes),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the same in JSON's types; the time is ISO 8601 in UTC."""
        return {
            "at": self.at.isoformat(),
            "well": self.is_well,
            "late": list(self.late),
            "waiting": [asdict(rows) for rows in self.waiting],
            "jobs": [asdict(job) for job in self.jobs],
            "stores": self.stores,
            "channels": [asdict(each) for each in self.channels],
            "processes": [asdict(each) for each in self.processes],
        }


def restaurants_with_work(session: Session) -> set[int]:
    """Return restaurants with a request, change or freed book waiting for the allocation lane."""
    return set(
        session.scalars(
            union(
                select(Reservation.restaurant_id).where(Reservation.status == Status.REQUESTED),
                select(ReservationChange.restaurant_id).where(
                    ReservationChange.status == "requested"
                ),
                select(ShiftDay.restaurant_id).where(ShiftDay.freed_at.is_not(None)),
            )
        )
    )


def has_due_messages(session: Session, *, now: datetime) -> bool:
    """Return whether a message should be on its way."""
    due = select(Message.id).where(Message.state == "queued", Message.due_at <= now).limit(1)
    return session.scalar(due) is not None


def read_health(session: Session, *, now: datetime) -> Health:
    """Check everything that can be overdue. Eleven queries, each over an index or a few rows."""
    runs = {run.name: run for run in session.scalars(select(JobRun))}
    jobs = _jobs(runs, now, seconds_since(_first_check(session), now=now) or 0.0)
    waiting = (*_waiting(session, now), _wall_times(runs))
    return Health(
        now,
        waiting,
        jobs,
        _stores(runs, now),
        channel_health(session, now=now),
        processes_seen(session, now=now),
    )


def _first_check(session: Session) -> datetime | None:
    """Return when the health sweep first recorded a state; None if it has not yet."""
    return session.scalar(select(HealthChange.at).order_by(HealthChange.id).limit(1))


def _waiting(session: Session, now: datetime) -> tuple[WaitingRows, ...]:
    message, change, book = Message, ReservationChange, ShiftDay
    over = now - OVER_AFTER
    pending: dict[str, tuple[InstrumentedAttribute[Any], ColumnElement[bool]]] = {
        "requests": (Reservation.created_at, Reservation.status == Status.REQUESTED),
        "changes": (change.created_at, change.status == "requested"),
        "freed_books": (book.freed_at, book.freed_at.is_not(None)),
        "messages": (message.due_at, (message.state == "queued") & (message.due_at <= now)),
        "stuck_sends": (
            message.claimed_until,
            (message.state == "sending") & (message.claimed_until <= now),
        ),
        # The age of a party that the clock should have finished counts from when it should have.
        "unended": (
            Reservation.ends_at,
            Reservation.status.in_(sorted(HOLDING))
            & (Reservation.starts_at <= over)  # for the index
            & (Reservation.ends_at <= over),
        ),
        "waitlists": (
            Reservation.starts_at,
            (Reservation.status == Status.WAITLISTED)
            & (Reservation.starts_at <= now)
            & ((Reservation.source != DOOR) | (Reservation.starts_at <= over)),
        ),
    }
    found = []
    for kind, (since, condition) in pending.items():
        query = select(func.count(), func.min(since)).where(condition)
        count, oldest = session.execute(query).one()
        age = seconds_since(oldest, now=over if kind == "unended" else now)
        found.append(WaitingRows(kind, count, age, waits_too_long(kind, age)))
    return tuple(found)


def _wall_times(runs: dict[str, JobRun]) -> WaitingRows:
    """Return the number of parties whose wall time had moved when the job last ran."""
    run = runs.get(WALL_TIMES)
    count = sum((run.result or {}).get("moved", {}).values()) if run else 0
    return WaitingRows(ZONE_RULES, count, None, count > WAITS_AT_MOST[ZONE_RULES])


@dataclass(frozen=True, slots=True)
class BackupHealth:
    """The data on backups for `/metrics`: their jobs' rows, and the contents of each store."""

    jobs: dict[str, JobRun]
    stores: dict[str, Any]


def backup_health(session: Session, *, now: datetime) -> BackupHealth:
    """Return the enabled jobs and stores of backups. One query of a few rows; opens no store."""
    runs = {run.name: run for run in session.scalars(select(JobRun))}
    on = (OF_BACKUPS | OF_SECOND_STORE | OF_THE_LOG) & jobs_on()
    jobs = {name: run for name, run in runs.items() if name in on}
    return BackupHealth(jobs, _stores(runs, now))


def jobs_on() -> frozenset[str]:
    """Return every job that is enabled here. Records of others are leftovers."""
    return frozenset(LATE_AFTER.keys() - _off())


def _off() -> frozenset[str]:
    """Return the jobs that this installation does not need."""
    chosen = settings()
    off = set() if chosen.backup_store else set(OF_BACKUPS)
    off |= set() if chosen.backup_second_store else OF_SECOND_STORE
    off |= set() if chosen.keeps_log else OF_THE_LOG
    return frozenset(off)


def _stores(runs: dict[str, JobRun], now: datetime) -> dict[str, Any]:
    """Return each store's facts by its name, with the current ages of its newest in seconds."""
    found = {}
    chosen = settings()
    for which, address in (("first", chosen.backup_store), ("second", chosen.backup_second_store)):
        run = runs.get(STORE_ROW + which)
        if address and run and run.result:
            newest = {
                kind: one | {"age": seconds_since(datetime.fromisoformat(one["until"]), now=now)}
                for kind, one in run.result["newest"].items()
            }
            found[which] = run.result | {"newest": newest}
    return found


def _jobs(runs: dict[str, JobRun], now: datetime, known_for: float) -> tuple[JobHealth, ...]:
    """Return every job of the installation, except the health sweep itself, by name.

    A job that never ran is overdue once the installation has been checked for long enough
    (`known_for`, seconds), so a new installation is healthy. Backups and drills only if
    BACKUP_STORE is set, copies if there is a second store, the log if it is stored. In production
    an installation without a store is not healthy.
    """
    found = []
    if settings().lacks_backups:
        found.append(JobHealth("backup", None, True, "BACKUP_STORE is empty: there are no backups"))
    for name in sorted(jobs_on() - {SWEEP}):
        run = runs.get(name)
        age = seconds_since(run.last_success if run else None, now=now)
        late = is_late(name, known_for if age is None else age)
        found.append(JobHealth(name, age, late, run.last_error if run else None))
    return tuple(found)


def health_history(session: Session, *, limit: int) -> Sequence[HealthChange]:
    """Return the health history, newest first; each row holds until the one before it."""
    query = select(HealthChange).order_by(HealthChange.id.desc()).limit(limit)
    return session.scalars(query).all()


def last_health(session: Session, *, now: datetime) -> dict[str, Any] | None:
    """Return the result of the last health sweep (`Health.as_json`); None before the first.

    If it is too old, the sweep itself is reported as overdue, and so not healthy; the same if no
    process leads, so that no sweep is scheduled.
    """
    run = session.get(JobRun, SWEEP)
    if run is None or run.result is None:
        return None
    late = [LEADER] if has_no_leader(session, now=now) else []
    if is_late(SWEEP, seconds_since(run.last_success, now=now)):
        late.append(SWEEP)
    if not late:
        return run.result
    return run.result | {"well": False, "late": [*run.result["late"], *late]}
