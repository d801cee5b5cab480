"""Records of backups and drills, for `/readyz`: start, duration and outcome."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import SQLAlchemyError

from models.core import clock
from models.core.database.transactions import unit
from models.core.errors import MaitredError, StateConflict
from models.core.observe.sentry import check_in
from models.operations.running.jobs import record_job
from models.rules.health import LATE_AFTER

#: The job that makes backups, and its lease.
JOB: Final = "backup"
#: The job that restores the newest backup into a scratch folder.
DRILL: Final = "drill"
#: The job that copies backups to the second store, and its lease.
SECOND_STORE: Final = "second_store"
#: The job that stores the database's log (the point-in-time log), and its lease.
LOG: Final = "log"
_LENGTH: Final = 255

T = TypeVar("T")


def recorded(
    job: str, work: Callable[[], T | None], summary: Callable[[T], dict[str, Any]]
) -> T | None:
    """Do `work` and record its outcome, with the result that `summary` makes of it.

    Nothing is recorded when `work` returns None or raises StateConflict. Raises its errors.
    """
    began = clock.now()
    try:
        done = work()
    except StateConflict:
        raise  # another process is doing it: no failure
    except (MaitredError, OSError, SQLAlchemyError, SoftTimeLimitExceeded) as error:
        _check_in(job, began, is_well=False)
        what = _error_text(error)[:_LENGTH]
        unit(lambda session: record_job(session, job, started=began, ended=clock.now(), error=what))
        raise
    if done is not None:
        _check_in(job, began, is_well=True)
        result = summary(done)
        unit(
            lambda session: record_job(
                session, job, started=began, ended=clock.now(), result=result
            )
        )
    return done


def _check_in(job: str, began: datetime, *, is_well: bool) -> None:
    seconds = (clock.now() - began).total_seconds()
    check_in(job, is_well=is_well, seconds=seconds, late_after=LATE_AFTER[job])


def _error_text(error: MaitredError | OSError | SQLAlchemyError | SoftTimeLimitExceeded) -> str:
    if isinstance(error, MaitredError):
        return f"{error.code}: {error.message}"
    if isinstance(error, OSError):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, SQLAlchemyError):
        return f"{type(error).__name__}: the server of BACKUP_URL or DATABASE_URL failed"
    return "it exceeded the time limit of its queue"
