"""How the house is: what waits and for how long, which jobs ran when, who is alive."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.core.settings import settings
from models.entities.house import JobRun
from models.entities.messages import Message
from models.entities.reservations import Reservation, ReservationChange
from models.entities.shifts import ShiftDay
from models.rules.health import (
    LATE_AFTER,
    OF_BACKUPS,
    OF_THE_LOG,
    is_late,
    seconds_since,
    waits_too_long,
)
from models.rules.lifecycle import Status

#: The job that looks at all the others.
SWEEP: Final = "health"


@dataclass(frozen=True, slots=True)
class WaitingRows:
    """Rows of one kind that somebody should deal with. Age of the oldest in seconds."""

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
class HouseHealth:
    """The facts of one look. That there are any means that the database answered."""

    at: datetime
    waiting: tuple[WaitingRows, ...]
    jobs: tuple[JobHealth, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing is late."""
        return not self.late

    @property
    def late(self) -> tuple[str, ...]:
        """The names of what is late: kinds of waiting rows, then jobs."""
        return tuple(rows.kind for rows in self.waiting if rows.is_late) + tuple(
            job.name for job in self.jobs if job.is_late
        )

    def as_json(self) -> dict[str, Any]:
        """The same as JSON's types; ISO 8601 time in UTC."""
        return {
            "at": self.at.isoformat(),
            "well": self.is_well,
            "late": list(self.late),
            "waiting": [asdict(rows) for rows in self.waiting],
            "jobs": [asdict(job) for job in self.jobs],
        }


def restaurants_with_work(session: Session) -> set[int]:
    """Restaurants where a request, a change or a freed book waits for the allocation lane."""
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
    """Whether a message should be on its way."""
    due = select(Message.id).where(Message.state == "queued", Message.due_at <= now).limit(1)
    return session.scalar(due) is not None


def house_health(session: Session, *, now: datetime) -> HouseHealth:
    """Look at everything that can be late. Six queries, each over an index of waiting rows."""
    return HouseHealth(now, _waiting(session, now), job_health(session, now=now))


def _waiting(session: Session, now: datetime) -> tuple[WaitingRows, ...]:
    message, change, book = Message, ReservationChange, ShiftDay
    looks: dict[str, tuple[InstrumentedAttribute[Any], ColumnElement[bool]]] = {
        "requests": (Reservation.created_at, Reservation.status == Status.REQUESTED),
        "changes": (change.created_at, change.status == "requested"),
        "freed_books": (book.freed_at, book.freed_at.is_not(None)),
        "messages": (message.due_at, (message.state == "queued") & (message.due_at <= now)),
        "stuck_sends": (
            message.claimed_until,
            (message.state == "sending") & (message.claimed_until <= now),
        ),
    }
    found = []
    for kind, (since, condition) in looks.items():
        query = select(func.count(), func.min(since)).where(condition)
        count, oldest = session.execute(query).one()
        age = seconds_since(oldest, now=now)
        found.append(WaitingRows(kind, count, age, waits_too_long(kind, age)))
    return tuple(found)


def job_health(session: Session, *, now: datetime) -> tuple[JobHealth, ...]:
    """Every job of the house but this look itself, by name. One that never ran is late.

    Backups and drills only where BACKUP_FOLDER is set, the log where it is kept.
    """
    runs = {run.name: run for run in session.scalars(select(JobRun))}
    found = []
    chosen = settings()
    left_out = {SWEEP} | (set() if chosen.backup_folder else OF_BACKUPS)
    left_out |= set() if chosen.keeps_log else OF_THE_LOG
    for name in sorted(LATE_AFTER.keys() - left_out):
        run = runs.get(name)
        age = seconds_since(run.last_success if run else None, now=now)
        found.append(JobHealth(name, age, is_late(name, age), run.last_error if run else None))
    return tuple(found)


def last_health(session: Session, *, now: datetime) -> dict[str, Any] | None:
    """What the last health sweep found (`HouseHealth.as_json`); None before the first.

    When that was too long ago, it says that the sweep itself is late, and so not well.
    """
    run = session.get(JobRun, SWEEP)
    if run is None or run.result is None:
        return None
    if not is_late(SWEEP, seconds_since(run.last_success, now=now)):
        return run.result
    return run.result | {"well": False, "late": [*run.result["late"], SWEEP]}
