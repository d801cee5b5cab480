"""What is written down of backups and drills, for `/readyz`: when, how long, how it went."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from models.core import clock
from models.core.db import unit
from models.core.errors import MaitredError
from models.operations.house import record_job

#: The job of making backups, and the lease that one maker holds.
JOB: Final = "backup"
#: The job of restoring the newest into a scratch place.
DRILL: Final = "drill"
#: The job of keeping the log of what was written since.
LOG: Final = "log"
_LENGTH: Final = 255

T = TypeVar("T")


def recorded(
    job: str, work: Callable[[], T | None], told: Callable[[T], dict[str, Any]]
) -> T | None:
    """Do `work` and write down how it went; `told` makes a result of it. None leaves no record."""
    began = clock.now()
    try:
        done = work()
    except MaitredError as error:
        what = f"{error.code}: {error.message}"[:_LENGTH]
        unit(lambda session: record_job(session, job, started=began, ended=clock.now(), error=what))
        raise
    if done is not None:
        result = told(done)
        unit(
            lambda session: record_job(
                session, job, started=began, ended=clock.now(), result=result
            )
        )
    return done
