"""Health history: a row for each change that the health sweep found."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.entities.running import HealthChange, JobRun
from models.queries.running.health import SWEEP
from models.rules.health import is_late, seconds_since

#: How long the rows are stored.
KEPT: Final = timedelta(days=90)


def note_health(session: Session, late: Sequence[str], *, now: datetime) -> None:
    """Record what is overdue if that has changed. Two queries, mostly no write.

    If no sweep ran for a while (the database or the workers were gone), first record that as
    `health`, from the last sweep on.
    """
    newest = session.scalar(select(HealthChange).order_by(HealthChange.id.desc()).limit(1))
    sweep = session.get(JobRun, SWEEP)
    checked_at = sweep.last_success if sweep else None
    was = newest.late if newest else None
    if was is not None and checked_at and is_late(SWEEP, seconds_since(checked_at, now=now)):
        was = [SWEEP]
        session.add(HealthChange(at=checked_at, late=was))
        session.flush()
    if was != sorted(late):
        session.add(HealthChange(at=now, late=sorted(late)))


def forget_health(session: Session, *, now: datetime) -> int:
    """Delete rows older than 90 days, except the one that still holds; return how many."""
    rows = select(HealthChange.id).order_by(HealthChange.id.desc()).limit(1)
    newest = session.scalar(rows) or 0
    old = select(HealthChange.id).where(HealthChange.at < now - KEPT, HealthChange.id < newest)
    numbers = session.scalars(old.limit(1000)).all()
    session.execute(delete(HealthChange).where(HealthChange.id.in_(numbers)))
    return len(numbers)
