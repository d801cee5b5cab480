"""The table of the clock's jobs at the stand. Each job opens its own transactions."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy.orm import Session

from models.core.database.transactions import reading, unit
from models.operations.deciding.making_way import make_way, overtaken_books
from models.operations.deciding.waitlist import expire_waitlists
from models.operations.door.calling import call_next_after
from models.operations.door.leaving import end_lists
from models.operations.stand.approving import release_unanswered
from models.operations.stand.overdue import end_evenings, finish_overdue, mark_no_shows
from models.operations.stand.seated_tables import mend_seated_tables
from models.operations.stand.unconfirmed import release_unconfirmed
from models.queries.door.waiting import missed_calls

#: The most reservations that one transaction moves.
AT_ONCE: Final = 200
_Step = Callable[..., int]


def _until_done(step: _Step, now: datetime) -> int:
    """Run transactions until one moves fewer than the limit; return how many were moved in all."""
    done = 0
    while True:
        count = unit(partial(step, now=now, limit=AT_ONCE))
        done += count
        if count < AT_ONCE:
            return done


def _release_held(now: datetime) -> int:
    """Free the tables of parties that were not confirmed, or not approved, in time."""
    return _until_done(release_unconfirmed, now) + _until_done(release_unanswered, now)


def _make_way_everywhere(now: datetime) -> int:
    unit(mend_seated_tables)
    with reading() as session:
        books = overtaken_books(session, now=now)

    def in_book(session: Session, book: int) -> int:
        return make_way(session, book, books[book], now=now)

    return sum(unit(partial(in_book, book=book)) for book in sorted(books))


def _call_next_everywhere(now: datetime) -> int:
    with reading() as session:
        missed = missed_calls(session, now=now, limit=AT_ONCE)

    def after(session: Session, number: int) -> None:
        call_next_after(session, number, now=now)

    for number in missed:
        unit(partial(after, number=number))
    return len(missed)


#: Job name -> a function of the time that returns how many parties it moved. Order matters:
#: overdue parties are finished before others make way for them.
STAND_JOBS: Final[Mapping[str, Callable[[datetime], int]]] = {
    "mark_no_shows": partial(_until_done, mark_no_shows),
    "finish_overdue": partial(_until_done, finish_overdue),
    "end_evenings": partial(_until_done, end_evenings),
    "release_unconfirmed": _release_held,
    "expire_waitlists": partial(_until_done, expire_waitlists),
    "call_next": _call_next_everywhere,
    "end_lists": partial(_until_done, end_lists),
    "make_way": _make_way_everywhere,
}
