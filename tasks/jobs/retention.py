"""Retention by rule: forget guests and delete messages, one book and transaction at a time.

A run may end anywhere, and the next one continues: the book's row records that it is done.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from time import monotonic

from sqlalchemy import select

from models.core.database.transactions import reading, unit
from models.core.errors import RestaurantUnreadable
from models.entities.floor import Restaurant
from models.operations.guests.consents import ORPHANS_AT_ONCE, drop_orphans
from models.operations.guests.erasures import RetentionLine, append
from models.operations.guests.retention import (
    DELETE_MESSAGES,
    FORGET_GUESTS,
    RetentionStep,
    delete_old_audit,
    retain_book,
    waiting_books,
)
from models.operations.running.health import forget_health
from models.operations.running.jobs import forget_old
from models.queries.floor.load import restaurant_by_id
from models.rules.retention import keeps_since

log = logging.getLogger(__name__)

_BOOKS_AT_ONCE = 200


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
            _forget_guests(number, guests, done, now=now, ends=ends, note=True)
        if messages is not None:
            _walk(number, messages, DELETE_MESSAGES, done, now=now, ends=ends)
    return done


def replay_retention(line: RetentionLine, *, now: datetime) -> int:
    """Forget again the guests that the rule had forgotten before a restore; return how many."""
    done = RetentionResult()
    _forget_guests(line.restaurant_id, line.before, done, now=now, ends=None, note=False)
    return done.guests


def delete_audit(*, before: datetime) -> int:
    """Delete all audit entries before that time; return how many."""
    gone = 0
    while count := unit(partial(delete_old_audit, before=before)):
        gone += count
    return gone


def forget_records(*, now: datetime) -> int:
    """Delete old idempotency keys, expired sign-ins and old health changes; return how many."""
    gone = 0
    for forget_some in (forget_old, forget_health):
        while count := unit(partial(forget_some, now=now)):
            gone += count
    return gone


def _forget_guests(
    restaurant_id: int,
    before: date,
    done: RetentionResult,
    *,
    now: datetime,
    ends: float | None,
    note: bool,
) -> None:
    books = done.books
    if note and next(_waiting(restaurant_id, before, FORGET_GUESTS), None):
        append(RetentionLine(restaurant_id, before, now))
    _walk(restaurant_id, before, FORGET_GUESTS, done, now=now, ends=ends)
    if done.books == books:
        return
    while count := unit(lambda session: drop_orphans(session, restaurant_id)):
        done.consents += count
        if count < ORPHANS_AT_ONCE:
            break


def _walk(
    restaurant_id: int,
    before: date,
    step: RetentionStep,
    done: RetentionResult,
    *,
    now: datetime,
    ends: float | None,
) -> None:
    for book in _waiting(restaurant_id, before, step):
        if ends is not None and monotonic() > ends:
            done.more = True
            return
        one = partial(retain_book, step=step, book=book, restaurant_id=restaurant_id, now=now)
        setattr(done, step.counts, getattr(done, step.counts) + unit(one))
        done.books += 1


def _waiting(restaurant_id: int, before: date, step: RetentionStep) -> Iterator[int]:
    """Yield the books before that date that a step has not processed."""
    last = 0
    while True:
        with reading() as session:
            found = waiting_books(
                session, restaurant_id, step, before=before, after=last, limit=_BOOKS_AT_ONCE
            )
        yield from found
        if len(found) < _BOOKS_AT_ONCE:
            return
        last = found[-1]
