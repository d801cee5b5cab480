"""Retention by rule: forget guests and delete messages, one book at a time.

A book is the batch: it is locked as for every other change, and its row records that it is done. So
a run may end anywhere, and the next one continues.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from time import monotonic

from sqlalchemy import delete, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.core.database.transactions import reading, table_of, unit
from models.core.errors import RestaurantUnreadable
from models.entities.floor import Restaurant
from models.entities.messages import Message
from models.entities.privacy import AuditEntry
from models.entities.reservations import Reservation
from models.entities.shifts import ShiftDay
from models.operations.deciding.books import lock_books
from models.operations.guests.consents import ORPHANS_AT_ONCE, drop_orphans
from models.operations.guests.erasures import RetentionLine, append
from models.operations.guests.forgetting import forget_reservations
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.lifecycle import ENDED
from models.rules.retention import keeps_since

log = logging.getLogger(__name__)

CLOCK = "clock"
_BOOKS_AT_ONCE, _AUDIT_AT_ONCE = 200, 1_000


@dataclass(slots=True)
class RetentionResult:
    """The result of a run. `more`: its time was up before all was done."""

    guests: int = 0
    messages: int = 0
    consents: int = 0
    books: int = 0
    more: bool = False


def apply_retention(*, now: datetime, seconds: float) -> RetentionResult:
    """Apply every restaurant's retention policies, for about `seconds` at most.

    Opens its own transactions, one for each book. A restaurant whose file cannot be read is skipped
    and logged, so that it does not delay the retention of the others.
    """
    done, ends = RetentionResult(), monotonic() + seconds
    with reading() as session:
        numbers = session.scalars(select(Restaurant.id).order_by(Restaurant.id)).all()
    for number in numbers:
        with reading() as session:
            try:
                restaurant = restaurant_by_id(session, number)
            except RestaurantUnreadable:
                log.error("retention skipped", extra={"restaurant_id": number})
                continue
        keep = restaurant.policies
        guests = keeps_since(keep.keep_guests_days, restaurant.tz, now=now)
        messages = keeps_since(keep.keep_messages_days, restaurant.tz, now=now)
        if guests is not None:
            _erase_guests(number, guests, done, now=now, ends=ends, note=True)
        if messages is not None:
            _walk(number, messages, _delete_messages, done, now=now, ends=ends)
    return done


def replay_retention(line: RetentionLine, *, now: datetime) -> int:
    """Forget again the guests that the rule had forgotten before a restore; return how many."""
    done = RetentionResult()
    _erase_guests(line.restaurant_id, line.before, done, now=now, ends=None, note=False)
    return done.guests


def delete_audit(*, before: datetime) -> int:
    """Delete audit entries before that time, 1,000 per transaction; return how many."""
    gone, entries = 0, table_of(AuditEntry)

    def some(session: Session) -> int:
        old = select(AuditEntry.id).where(AuditEntry.at < before).limit(_AUDIT_AT_ONCE)
        found = session.scalars(old).all()
        if found:
            session.execute(delete(entries).where(entries.c.id.in_(found)))
        return len(found)

    while count := unit(some):
        gone += count
    return gone


def _erase_guests(
    restaurant_id: int,
    before: date,
    done: RetentionResult,
    *,
    now: datetime,
    ends: float | None,
    note: bool,
) -> None:
    books = done.books
    if note and next(_waiting(restaurant_id, before, ShiftDay.guests_forgotten_at), None):
        append(RetentionLine(restaurant_id, before, now))
    _walk(restaurant_id, before, _forget_book, done, now=now, ends=ends)
    if done.books == books:
        return
    while count := unit(lambda session: drop_orphans(session, restaurant_id)):
        done.consents += count
        if count < ORPHANS_AT_ONCE:
            break


@dataclass(frozen=True, slots=True)
class _Step:
    """The work on one book, in a transaction of its own, and the column that records it."""

    column: InstrumentedAttribute[datetime | None]
    work: Callable[[Session, int, datetime], tuple[int, bool]]
    counts: str


def _walk(
    restaurant_id: int,
    before: date,
    step: _Step,
    done: RetentionResult,
    *,
    now: datetime,
    ends: float | None,
) -> None:
    for book in _waiting(restaurant_id, before, step.column):
        if ends is not None and monotonic() > ends:
            done.more = True
            return
        count = unit(partial(_one, step=step, book=book, restaurant_id=restaurant_id, now=now))
        setattr(done, step.counts, getattr(done, step.counts) + count)
        done.books += 1


def _waiting(
    restaurant_id: int, before: date, column: InstrumentedAttribute[datetime | None]
) -> Iterator[int]:
    """Yield the books before that date that a step has not processed."""
    last = 0
    while True:
        query = (
            select(ShiftDay.id)
            .where(
                ShiftDay.restaurant_id == restaurant_id,
                ShiftDay.service_date < before,
                ShiftDay.id > last,
                column.is_(None),
            )
            .order_by(ShiftDay.id)
            .limit(_BOOKS_AT_ONCE)
        )
        with reading() as session:
            found = session.scalars(query).all()
        yield from found
        if len(found) < _BOOKS_AT_ONCE:
            return
        last = found[-1]


def _one(session: Session, *, step: _Step, book: int, restaurant_id: int, now: datetime) -> int:
    lock_books(session, {book: restaurant_id})
    count, is_done = step.work(session, book, now)
    if is_done:
        days = table_of(ShiftDay)
        session.execute(update(days).where(days.c.id == book).values({step.column.key: now}))
    return count


def _forget(session: Session, book: int, now: datetime) -> tuple[int, bool]:
    """Forget the guests of the book's ended reservations. Not done while one has not ended."""
    row = Reservation
    query = select(row.id, row.status).where(row.book_id == book, row.forgotten_at.is_(None))
    found = session.execute(query).all()
    ended = [number for number, status in found if status in ENDED]
    forget_reservations(session, ended, now=now, actor=CLOCK)
    return len(ended), len(ended) == len(found)


def _delete(session: Session, book: int, _now: datetime) -> tuple[int, bool]:
    """Delete the messages of the book's ended reservations. Not done while one has not ended."""
    row, messages = Reservation, table_of(Message)
    found = session.execute(select(row.id, row.status).where(row.book_id == book)).all()
    ended = [number for number, status in found if status in ENDED]
    gone = delete(messages).where(messages.c.reservation_id.in_(ended))
    return session.connection().execute(gone).rowcount, len(ended) == len(found)


_forget_book = _Step(ShiftDay.guests_forgotten_at, _forget, "guests")
_delete_messages = _Step(ShiftDay.messages_forgotten_at, _delete, "messages")
