"""The check of a house's database: what was promised, proved by reading every row."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.core.db import dialect_of, reading
from models.queries.integrity_finding import Files, Finding, read_files
from models.queries.integrity_forgotten import forgotten
from models.queries.integrity_history import history
from models.queries.integrity_pacing import pacing
from models.queries.integrity_parties import misfits, without_table
from models.queries.integrity_tables import tables
from models.queries.integrity_waiting import references, stuck_claims, undecided

__all__ = ["RULES", "Finding", "findings", "findings_at_once"]

#: Findings of one rule; who needs more than these has seen enough.
AT_MOST = 1_000

_Half = Callable[..., Iterator[Finding]]

#: What is proved, by the name that a finding carries.
RULES: dict[str, str] = {
    "table-twice": "no table is given to two parties at once",
    "no-table": "who is confirmed, arrived or seated has a table",
    "occupancy-missing": "each table is held for its party to the end of turn and buffer",
    "occupancy-orphan": "no table is held for nobody",
    "misfit": "who booked online is at tables for such a party",
    "pacing": "no interval has more online covers or parties than allowed",
    "undecided": "every accepted request and change is decided",
    "untold": "every decision is told on every channel the guest gave",
    "told-twice": "no decision is told twice",
    "told-without-cause": "nothing is told that was not decided",
    "message-late": "every due message is sent, or failed for a reason",
    "moves": "every reservation's history leads to where it stands",
    "reference": "every row names rows that exist",
    "stuck-claim": "no message is claimed for ever",
    "forgotten": "who was forgotten is not known any more",
}


def findings(session: Session, *, now: datetime, grace_seconds: float) -> list[Finding]:
    """Everything that is wrong; empty for a house in order. At most 1,000 of each rule.

    What waits may do so for `grace_seconds`. `session` has done nothing yet: all is read from one
    picture of the database, so that a house at work gives no false alarm. Memory is bounded by a
    batch, not by the database. Decisions older than the last change of the restaurant's file are
    not held against what the file says now (ranges, pacing, buffers, reminders).
    """
    _one_picture(session)
    since = now - timedelta(seconds=grace_seconds)
    files = read_files(session)
    both = (found for half in _HALVES for found in half(session, files, now=now, since=since))
    return list(_capped(both))


def findings_at_once(
    bind: Engine | None = None, *, now: datetime, grace_seconds: float
) -> list[Finding]:
    """The same in about half the time: two threads, each with its own picture of the database.

    No rule needs both. The database works for one while Python does for the other.
    """
    since = now - timedelta(seconds=grace_seconds)

    def look(half: _Half) -> list[Finding]:
        with reading(bind) as session:
            _one_picture(session)
            found = half(session, read_files(session), now=now, since=since)
            return list(_capped(found))

    with ThreadPoolExecutor(len(_HALVES)) as pool:
        return [found for half in pool.map(look, _HALVES) for found in half]


def _one_picture(session: Session) -> None:
    # SQLite's transactions are one picture anyway; READ COMMITTED would be a new one each query
    if dialect_of(session) != "sqlite":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _seats(session: Session, files: Files, *, now: datetime, since: datetime) -> Iterator[Finding]:
    yield from tables(session, files, now=now)
    yield from without_table(session, limit=AT_MOST)
    yield from misfits(session, files)
    yield from pacing(session, files)
    yield from undecided(session, since=since, limit=AT_MOST)


def _stories(
    session: Session, files: Files, *, now: datetime, since: datetime
) -> Iterator[Finding]:
    yield from history(session, files, since=since)
    yield from references(session, files, limit=AT_MOST)
    yield from stuck_claims(session, since=since, limit=AT_MOST)
    yield from forgotten(session, limit=AT_MOST)


#: Each rule is looked at in one of them.
_HALVES: Final[tuple[_Half, ...]] = (_seats, _stories)


def _capped(found: Iterable[Finding]) -> Iterator[Finding]:
    seen: Counter[str] = Counter()
    for finding in found:
        seen[finding.rule] += 1
        if seen[finding.rule] <= AT_MOST:
            yield finding
