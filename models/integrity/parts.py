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
from models.integrity.checks.forgotten import forgotten
from models.integrity.checks.guests import contacts_before, guests, sealed_away, wished_starts
from models.integrity.checks.history import history
from models.integrity.checks.pacing import pacing
from models.integrity.checks.parties import without_table
from models.integrity.checks.standing import standing
from models.integrity.checks.tables import tables
from models.integrity.finding import Files, Finding
from models.integrity.restaurant_files import unreadable
from models.queries.floor.load import SENSELESS

#: Number of reservations, and of tables, in one share.
_PARTIES: Final = 25_000
_TABLES: Final = 400


@dataclass(frozen=True, slots=True)
class Look:
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


_Work = Callable[[Session, Look, Share], Iterator[Finding]]


def _held(session: Session, look: Look, share: Share) -> Iterator[Finding]:
    return tables(session, look.files, share.table_ids, now=look.now)


def _placed(session: Session, look: Look, _share: Share) -> Iterator[Finding]:
    yield from unreadable(look.files)
    yield from without_table(session, limit=look.limit)
    yield from waiting.references(session, look.files, limit=look.limit)


def _waits(session: Session, look: Look, _share: Share) -> Iterator[Finding]:
    yield from waiting.undecided(session, since=look.since, limit=look.limit)
    yield from waiting.overdue(session, now=look.now, limit=look.limit)
    yield from waiting.stuck_claims(session, since=look.since, limit=look.limit)
    yield from forgotten(session, limit=look.limit)


def _paced(session: Session, look: Look, _share: Share) -> Iterator[Finding]:
    yield from pacing(session, look.files)


def _story(session: Session, look: Look, share: Share) -> Iterator[Finding]:
    span = {"first": share.first, "last": share.last}
    return history(session, look.files, **span)


def _stands(session: Session, look: Look, share: Share) -> Iterator[Finding]:
    span = {"first": share.first, "last": share.last}
    return standing(session, look.files, now=look.now, **span)


def _known(session: Session, _look: Look, share: Share) -> Iterator[Finding]:
    if away := sealed_away():
        yield away
        return
    yield from guests(session, first=share.first, last=share.last)


def _sound(session: Session, look: Look, _share: Share) -> Iterator[Finding]:
    yield from laws.reservations(session, now=look.now, limit=look.limit)
    yield from books(session, look.files, now=look.now)


def _wished(session: Session, look: Look, _share: Share) -> Iterator[Finding]:
    yield from moved.wishes(session, now=look.now, limit=look.limit)
    yield from moved.wished_books(session, look.files)
    yield from moved.moves(session, now=look.now, limit=look.limit)
    yield from wished_starts(session, limit=look.limit)


def _said(session: Session, look: Look, _share: Share) -> Iterator[Finding]:
    yield from said.messages(session, now=look.now, since=look.since, limit=look.limit)
    yield from contacts_before(session)


@dataclass(frozen=True, slots=True)
class Part:
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
    Part("tables", _held, by="tables", first=True),
    Part("history", _story, by="parties"),
    Part("guests", _known, by="parties"),
    Part("standing", _stands, by="parties", first=True),
    Part("places", _placed, first=True),
    Part("reservations", _sound, first=True),
    Part("waiting", _waits, first=True),
    Part("pacing", _paced),
    Part("wishes", _wished),
    Part("messages", _said),
)
_BY_NAME: Final = {part.name: part for part in PARTS}


def shares(session: Session, look: Look, *, only_first: bool = False) -> Iterator[Share]:
    """All shares of the check, the long ones first."""
    row = table_of(Reservation).c
    least, most = session.execute(select(func.min(row.id), func.max(row.id))).one()
    table_ids = tuple(sorted(look.files.tables))
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


def perform(session: Session, look: Look, share: Share) -> list[Finding]:
    """The findings of one share, at most `limit` per rule. Unreadable rows are findings, too."""
    found: list[Finding] = []
    work = _BY_NAME[share.part].work
    try:
        found.extend(capped(work(session, look, share), limit=look.limit))
    except SENSELESS as error:
        text = f"{share.part} cannot be proved: a row makes no sense ({type(error).__name__})"
        found.append(Finding("unreadable", (), text))
    return found


def capped(found: Iterable[Finding], *, limit: int) -> Iterator[Finding]:
    """At most `limit` findings per rule."""
    seen: Counter[str] = Counter()
    for finding in found:
        seen[finding.rule] += 1
        if seen[finding.rule] <= limit:
            yield finding
