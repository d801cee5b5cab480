"""The integrity check of a database: every promise is verified by reading every row."""

import gc
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.core.database.connections import patience
from models.core.database.transactions import dialect_of, make_engine, reading
from models.core.settings import settings
from models.integrity.finding import Files, Finding
from models.integrity.parts import CheckRun, Share, capped, perform, shares
from models.integrity.restaurant_files import read_files

__all__ = ["RULES", "Finding", "findings", "findings_at_once"]

#: Most findings reported for one rule.
AT_MOST = 1_000
#: With fewer shares than this, starting other processes does not pay.
_FEW: Final = 16
#: Allocations between two runs of the cycle collector: rows come and go by the thousand and are
#: never part of a cycle. At Python's own 700 the collector takes a sixth of the time.
_ALLOCATIONS: Final = 50_000
#: The database works for one thread while Python works for the other.
_THREADS: Final = 2

#: The rules that are checked, by the name that a finding carries.
RULES: dict[str, str] = {
    "unreadable": "every restaurant's rows can be read",
    "table-twice": "no table is assigned to two parties at the same time",
    "seated-twice": "no two parties are seated at one table",
    "seated-row": "a seated party has its table until it leaves",
    "blocked": "nobody has a blocked table, except who had it before the block",
    "limited": "nobody is confirmed in a book after it was stopped or closed",
    "no-table": "every confirmed, arrived or seated party has a table",
    "covers": "no more covers are in a restaurant at once than it allows",
    "occupancy-missing": "each table is held for its party to the end of turn and buffer",
    "occupancy-orphan": "every occupancy row belongs to a party",
    "misfit": "every upcoming party fits the rules of its restaurant",
    "pacing": "no interval has more online covers or parties than allowed",
    "book": "every party is in the book of its start",
    "row": "the columns of every row are consistent",
    "wish": "the reservation shows its last accepted change",
    "guest": "every guest can be decrypted and is found by the contact",
    "guest-book": "every contact is in the guest book, and found by it",
    "overdue": "no party is left over from an evening that has ended",
    "undecided": "every accepted request and change is decided",
    "message-missing": "every decision has a message on each of the guest's channels",
    "message-twice": "no decision has two messages on one channel",
    "message-without-cause": "every message has a decision as its cause",
    "message-late": "every due message is sent, or failed with a reason",
    "moves": "every reservation's history leads to its status",
    "reference": "every row refers to rows that exist",
    "stuck-claim": "no message has an expired claim",
    "forgotten": "erased guests have no data left",
}


def findings(session: Session, *, now: datetime, grace_seconds: float) -> list[Finding]:
    """All violations; empty for a correct database. At most 1,000 per rule.

    Waiting work counts as overdue after `grace_seconds`. `session` must be unused: everything is
    read from one snapshot of the database, so that concurrent work gives no false alarm. Memory is
    bounded by the size of a share, not of the database. Decisions older than the last change of the
    restaurant's file are not checked against the current file (ranges, pacing, buffers, reminders).
    """
    _one_snapshot(session)
    run = _check_run(read_files(session), now=now, grace_seconds=grace_seconds)
    todo = list(shares(session, run))
    found = (each for share in todo for each in perform(session, run, share))
    return list(capped(found, limit=AT_MOST))


def findings_at_once(
    bind: Engine | None = None,
    *,
    now: datetime,
    grace_seconds: float,
    only_first: bool = False,
    processes: int | None = None,
) -> list[Finding]:
    """Like `findings`, in parallel: one process per core, and one snapshot per share.

    A share with findings is checked once more, with the files as they are then: only violations
    that remain are reported. `only_first`: only the parts that a restored database must pass before
    it is handed over.
    """
    with reading(bind) as session:
        _one_snapshot(session)
        run = _check_run(read_files(session), now=now, grace_seconds=grace_seconds)
        todo = list(shares(session, run, only_first=only_first))
    if len(todo) > _FEW:
        found = _by_processes(_address(bind), run, todo, processes or os.cpu_count() or 1)
    else:
        with ThreadPoolExecutor(_THREADS) as pool:
            found = list(pool.map(partial(_check, bind, run), todo))
    return list(capped((each for share in found for each in share), limit=AT_MOST))


def _check_run(files: Files, *, now: datetime, grace_seconds: float) -> CheckRun:
    return CheckRun(files, now, now - timedelta(seconds=grace_seconds), AT_MOST)


def _check(bind: Engine | None, run: CheckRun, share: Share) -> list[Finding]:
    with reading(bind) as session:
        _one_snapshot(session)
        if not perform(session, run, share):
            return []
    # since the first run, a file may have changed, or data that spans two shares
    with reading(bind) as session:
        _one_snapshot(session)
        return perform(session, replace(run, files=read_files(session)), share)


def _address(bind: Engine | None) -> str:
    if bind is None:
        return settings().database_url
    return bind.url.render_as_string(hide_password=False)


def _by_processes(url: str, run: CheckRun, todo: list[Share], count: int) -> list[list[Finding]]:
    """Use new processes, not forks: this one may have threads and open connections."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, fresh, _begin, (url, run)) as pool:
        return list(pool.map(_check_here, todo))


#: The engine and the parameters of a process of the pool.
_here: list[tuple[Engine, CheckRun]] = []


def _begin(url: str, run: CheckRun) -> None:
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS)
    with patience():  # a statement may read a whole table, and delays nobody
        _here.append((make_engine(url, pool_size=1), run))


def _check_here(share: Share) -> list[Finding]:
    bind, run = _here[0]
    return _check(bind, run, share)


def _one_snapshot(session: Session) -> None:
    # a transaction of SQLite is one snapshot anyway; READ COMMITTED has a new one per query
    if dialect_of(session) != "sqlite":
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
