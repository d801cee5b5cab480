"""Comparison of this machine's clock with the database's, which is authoritative, and Redis's."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import dialect_of
from models.core.redis import signals

#: If the answer took longer, the difference is not measurable.
_SLOW_SECONDS: Final = 1.0


def database_now(session: Session) -> datetime:
    """The time by the database's clock; on SQLite, by this machine's."""
    if dialect_of(session) == "sqlite":
        return clock.now()
    found = session.scalar(select(func.utc_timestamp(6)))
    return found.replace(tzinfo=UTC) if found else clock.now()


@dataclass(frozen=True, slots=True)
class Ahead:
    """Seconds by which this process's clock is ahead of another one; negative: behind."""

    seconds: float
    of: str


def clock_ahead(session: Session) -> Ahead | None:
    """How far this clock is ahead of the database's or Redis's: the larger of the two differences.

    None if neither could be queried, or both took too long to answer.
    """
    found = []
    began = clock.now()
    if dialect_of(session) != "sqlite":
        found.append(_ahead("the database", database_now(session), began))
    began = clock.now()
    if answer := signals.attempt("time"):
        seconds, micros = answer
        theirs = datetime.fromtimestamp(seconds + micros / 1e6, UTC)
        found.append(_ahead("Redis", theirs, began))
    known = [each for each in found if each is not None]
    return max(known, key=lambda each: abs(each.seconds), default=None)


def _ahead(of: str, theirs: datetime, began: datetime) -> Ahead | None:
    ended = clock.now()
    took = (ended - began).total_seconds()
    if not 0 <= took <= _SLOW_SECONDS:
        return None
    middle = began + (ended - began) / 2
    return Ahead(round((middle - theirs).total_seconds(), 3), of)
