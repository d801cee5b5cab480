"""Housekeeping: the records of jobs, and the deletion of old rows."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Update,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.core.database.transactions import Base, dialect_of
from models.entities.accounts import SignIn
from models.entities.running import IdempotencyKey, JobRun

#: How long a POST's Idempotency-Key is stored.
KEY_LIFE = timedelta(hours=48)
_FORGET_AT_ONCE = 1_000


def record_job(
    session: Session,
    name: str,
    *,
    started: datetime,
    ended: datetime,
    error: str | None = None,
    result: dict[str, Any] | None = None,
) -> None:
    """Record a job's run. `error` names the kind of failure; it never contains contact data.

    A success stores the time and the result; a failure leaves those of the last success.
    """
    values: dict[str, Any] = {
        "last_started": started,
        "last_error": error,
        "duration_ms": round((ended - started).total_seconds() * 1000),
    }
    if error is None:
        values |= {"last_success": ended, "result": result}
    change = update(JobRun).where(JobRun.name == name).values(values)
    if not touched(session, change):
        insert_if_missing(session, JobRun, {"name": name, **values})


def remember(session: Session, name: str, result: dict[str, Any]) -> dict[str, Any]:
    """Return the result of a job's last success; if there is none, store and return this one."""
    insert_if_missing(session, JobRun, {"name": name})
    run = session.get_one(JobRun, name, with_for_update=True)
    if run.result is None:
        run.result = result
    return run.result


def forget_results(session: Session, names: Collection[str]) -> None:
    """Clear the results of these jobs: they do not describe this database any more."""
    change = update(JobRun).where(JobRun.name.in_(names)).values(result=None)
    session.execute(change, execution_options={"synchronize_session": False})


def forget_old(session: Session, *, now: datetime) -> int:
    """Delete idempotency keys older than 48 h and expired sign-ins, at most 1,000 of each.

    Return how many were deleted; call again while it is not 0.
    """
    return _forget(session, IdempotencyKey.key, IdempotencyKey.created_at <= now - KEY_LIFE) + (
        _forget(session, SignIn.id, SignIn.expires_at <= now)
    )


def _forget(
    session: Session, key: InstrumentedAttribute[Any], condition: ColumnElement[bool]
) -> int:
    # by primary key, so that only the deleted rows are locked
    keys = session.scalars(select(key).where(condition).limit(_FORGET_AT_ONCE)).all()
    if keys:
        session.execute(delete(key.class_).where(key.in_(keys)))
    return len(keys)


def touched(session: Session, change: Update) -> bool:
    """Return whether the update matched exactly one row."""
    # Matched rows: the MySQL driver counts them because of CLIENT.FOUND_ROWS, SQLite always does.
    result = session.execute(change, execution_options={"synchronize_session": False})
    return isinstance(result, CursorResult) and result.rowcount == 1


def insert_if_missing(session: Session, table: type[Base], values: dict[str, Any]) -> bool:
    """Insert the row unless its key exists; return whether it was inserted."""
    prefix = "OR IGNORE" if dialect_of(session) == "sqlite" else "IGNORE"
    # On the table: the ORM's own insert does not report how many rows it wrote.
    result = session.execute(
        insert(Base.metadata.tables[table.__tablename__]).prefix_with(prefix), values
    )
    return isinstance(result, CursorResult) and result.rowcount == 1
