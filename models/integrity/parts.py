"""The parts of the integrity check. Each checks one subject, over a share of the rows.

Each part needs only its own share, in one snapshot of the database. So parts may run in parallel,
each in its own process and snapshot.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation
from models.integrity.checks import messages as said
from models.integrity.checks import moves as moved
from models.integrity.checks import reservations as laws
from models.integrity.checks import waiting
from models.integrity.checks.books import books
from models.integrity.checks.door import door_entries
from models.integrity.checks.evening import at_blocked_tables, past_limits, strange_sections
from models.integrity.checks.guests import (
    change_alternatives,
    contacts_before,
    forgotten,
    guests,
    keyring_finding,
    parties,
    unreadable_details,
)
from models.integrity.checks.history import history
from models.integrity.checks.pacing import pacing
from models.integrity.checks.standing import standing
from models.integrity.checks.tables import tables
from models.integrity.covers import covers_at_once
from models.integrity.finding import Files, Finding
from models.integrity.guest_book import guest_book
from models.integrity.restaurant_files import unreadable
from models.queries.floor.load import INVALID_DATA

#: Number of reservations, and of tables, in one share.
_PARTIES: Final = 25_000
_TABLES: Final = 400


@dataclass(frozen=True, slots=True)
class CheckRun:
    """The parameters of a check. `since`: work that was due earlier is overdue."""

    files: Files
    now: datetime
    since: datetime
    limit: int


@dataclass(frozen=True, slots=True)
class Share:
    """One part over some rows: reservations from `first` to `last`, or tables."""

    part: str
    first: int = 0
    last: int = 0
    table_ids: tuple[int, ...] = ()


_Work = Callable[[Session, CheckRun, Share], Iterator[Finding]]


def _tables(session: Session, run: CheckRun, share: Share) -> Iterator[Finding]:
    return tables(session, run.files, share.table_ids, now=run.now)


def _places(session: Session, run: CheckRun, _share: Share) -> Iterator[Finding]:
    yield from unreadable(run.files)
    yield from laws.without_table(session, limit=run.limit)
    yield from covers_at_once(session, run.files)
    yield from at_blocked_tables(session, run.files, now=run.now, limit=run.limit)
    yield from past_limits(session, limit=run.limit)
    yield from strange_sections(session, limit=run.limit)
    yield from waiting.references(session, run.files, limit=run.limit)


def _waiting(session: Session, run: CheckRun, _share: Share) -> Iterator[Finding]:
    yield from waiting.undecided(session, since=run.since, limit=run.limit)
    yield from waiting.overdue(session, now=run.now, limit=run.limit)
    yield from waiting.stuck_claims(session, since=run.since, limit=run.limit)
    yield from forgotten(session, limit=run.limit)
    yield from door_entries(session, now=run.now, limit=run.limit)


def _pacing(session: Session, run: CheckRun, _share: Share) -> Iterator[Finding]:
    yield from pacing(session, run.files)


def _history(session: Session, run: CheckRun, share: Share) -> Iterator[Finding]:
    span = {"first": share.first, "last": share.last}
    return history(session, run.files, **span)


def _standing(session: Session, run: CheckRun, share: Share) -> Iterator[Finding]:
    span = {"first": share.first, "last": share.last}
    return standing(session, run.files, now=run.now, **span)


def _guests(session: Session, _run: CheckRun, share: Share) -> Iterator[Finding]:
    if away := keyring_finding():
        yield away
        return
    yield from guests(session, first=share.first, last=share.last)


def _guest_book(session: Session, run: CheckRun, _share: Share) -> Iterator[Finding]:
    if not keyring_finding():  # reported already
        yield from guest_book(session, limit=run.limit)


def _rows(session: Session, run: CheckRun, _share: Share) -> Iterator[Finding]:
    yield from laws.reservations(session, now=run.now, limit=run.limit)
    yield from books(session, run.files, now=run.now)
    yield from parties(session, limit=run.limit)


def _changes(session: Session, run: CheckRun, _share: Share) -> Iterator[Finding]:
    yield from moved.changes(session, now=run.now, limit=run.limit)
    yield from moved.change_books(session, run.files)
    yield from moved.moves(session, now=run.now, limit=run.limit)
    yield from change_alternatives(session, limit=run.limit)


def _messages(session: Session, run: CheckRun, _share: Share) -> Iterator[Finding]:
    yield from said.messages(session, now=run.now, since=run.since, limit=run.limit)
    yield from contacts_before(session)
    if not keyring_finding():
        yield from unreadable_details(session)


@dataclass(frozen=True, slots=True)
class CheckPart:
    """One part. `by`: how it is divided into shares.

    `first`: checked in a large restored database before it is handed over, so that service resumes
    soon: the coming parties and their tables. The other parts concern the past and are checked
    afterwards.
    """

    name: str
    work: _Work
    by: str = "once"
    first: bool = False


PARTS: Final = (
    CheckPart("tables", _tables, by="tables", first=True),
    CheckPart("history", _history, by="parties"),
    CheckPart("guests", _guests, by="parties"),
    CheckPart("standing", _standing, by="parties", first=True),
    CheckPart("places", _places, first=True),
    CheckPart("reservations", _rows, first=True),
    CheckPart("waiting", _waiting, first=True),
    CheckPart("pacing", _pacing),
    CheckPart("wishes", _changes),
    CheckPart("messages", _messages),
    CheckPart("guest_book", _guest_book),
)
_BY_NAME: Final = {part.name: part for part in PARTS}


def shares(session: Session, run: CheckRun, *, only_first: bool = False) -> Iterator[Share]:
    """All shares of the check, the long ones first."""
    row = table_of(Reservation).c
    least, most = session.execute(select(func.min(row.id), func.max(row.id))).one()
    table_ids = tuple(sorted(run.files.tables))
    for part in PARTS:
        if only_first and not part.first:
            continue
        if part.by == "once":
            yield Share(part.name)
        elif part.by == "tables":
            for start in range(0, len(table_ids), _TABLES):
                yield Share(part.name, table_ids=table_ids[start : start + _TABLES])
        elif most is not None:
            for first in range(least, most + 1, _PARTIES):
                yield Share(part.name, first, min(first + _PARTIES - 1, most))


def perform(session: Session, run: CheckRun, share: Share) -> list[Finding]:
    """The findings of one share, at most `limit` per rule. Unreadable rows are findings, too."""
    found: list[Finding] = []
    work = _BY_NAME[share.part].work
    try:
        found.extend(capped(work(session, run, share), limit=run.limit))
    except INVALID_DATA as error:
        text = f"{share.part} cannot be checked: a row is invalid ({type(error).__name__})"
        found.append(Finding("unreadable", (), text))
    return found


def capped(found: Iterable[Finding], *, limit: int) -> Iterator[Finding]:
    """At most `limit` findings per rule."""
    seen: Counter[str] = Counter()
    for finding in found:
        seen[finding.rule] += 1
        if seen[finding.rule] <= limit:
            yield finding
