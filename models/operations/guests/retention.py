"""Retention by rule: forget guests and delete messages, one book in each transaction.

A book is the batch: it is locked as for every other change, and its row records that it is done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.core.database.transactions import table_of
from models.entities.messages import Message
from models.entities.privacy import AuditEntry
from models.entities.reservations import Reservation
from models.entities.shifts import ShiftDay
from models.operations.deciding.books import lock_books
from models.operations.guests.forgetting import forget_reservations
from models.rules.reservations.lifecycle import ENDED

CLOCK: Final = "clock"
_AUDIT_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class RetentionStep:
    """The work on one book, the column that records it, and the name of what it counts."""

    column: InstrumentedAttribute[datetime | None]
    work: Callable[[Session, int, datetime], tuple[int, bool]]
    counts: str


def waiting_books(
    session: Session,
    restaurant_id: int,
    step: RetentionStep,
    *,
    before: date,
    after: int,
    limit: int,
) -> Sequence[int]:
    """Return books before that date that the step has not processed, with an id above `after`.

    In order of their ids, at most `limit`.
    """
    query = (
        select(ShiftDay.id)
        .where(
            ShiftDay.restaurant_id == restaurant_id,
            ShiftDay.service_date < before,
            ShiftDay.id > after,
            step.column.is_(None),
        )
        .order_by(ShiftDay.id)
        .limit(limit)
    )
    return session.scalars(query).all()


def retain_book(
    session: Session, *, step: RetentionStep, book: int, restaurant_id: int, now: datetime
) -> int:
    """Lock the book and do the step's work on it; return the count of guests or messages."""
    lock_books(session, {book: restaurant_id})
    count, is_done = step.work(session, book, now)
    if is_done:
        days = table_of(ShiftDay)
        session.execute(update(days).where(days.c.id == book).values({step.column.key: now}))
    return count


def delete_old_audit(session: Session, *, before: datetime) -> int:
    """Delete up to 1,000 audit entries before that time; return how many."""
    entries = table_of(AuditEntry)
    old = select(AuditEntry.id).where(AuditEntry.at < before).limit(_AUDIT_AT_ONCE)
    found = session.scalars(old).all()
    if found:
        session.execute(delete(entries).where(entries.c.id.in_(found)))
    return len(found)


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


FORGET_GUESTS: Final = RetentionStep(ShiftDay.guests_forgotten_at, _forget, "guests")
DELETE_MESSAGES: Final = RetentionStep(ShiftDay.messages_forgotten_at, _delete, "messages")
