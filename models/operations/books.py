"""The book: its lock (taken first, once, sorted), and saying that it changed."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from models.core import signals
from models.core.db import after_commit, before_commit, dialect_of
from models.entities.shifts import ShiftDay
from models.rules.house import split_book_id


def lock_books(session: Session, books: Mapping[int, int]) -> None:
    """Hold these books until the end of the transaction. `books`: book id -> restaurant id.

    Whatever a decision depends on is read after this call, never before it. Books that nobody
    opened yet get their row here. Waits 3 s at most, then the database's lock error asks `unit`
    to try again. On SQLite the transaction itself is the lock (BEGIN IMMEDIATE).
    """
    wanted = sorted(books)
    exclusive = dialect_of(session) != "sqlite"
    held = set(_held(session, wanted, exclusive))
    missing = [book for book in wanted if book not in held]
    if missing:
        ignore = "IGNORE" if exclusive else "OR IGNORE"
        session.execute(
            insert(ShiftDay).prefix_with(ignore), [_row(book, books[book]) for book in missing]
        )
        _held(session, missing, exclusive)


def _held(session: Session, wanted: list[int], exclusive: bool) -> Collection[int]:
    query = select(ShiftDay.id).where(ShiftDay.id.in_(wanted)).order_by(ShiftDay.id)
    return session.scalars(query.with_for_update() if exclusive else query).all()


def _row(book: int, restaurant_id: int) -> dict[str, object]:
    shift_id, service_date = split_book_id(book)
    return {
        "id": book,
        "restaurant_id": restaurant_id,
        "shift_id": shift_id,
        "service_date": service_date,
        "revision": 0,
    }


def free_books(session: Session, books: Mapping[int, int], *, now: datetime) -> None:
    """Capacity was freed: raise the revisions, and leave the waitlists to the lanes."""
    session.execute(
        update(ShiftDay)
        .where(ShiftDay.id.in_(sorted(books)))
        .values(revision=ShiftDay.revision + 1, freed_at=now)
    )
    announce_books(session, books)


def touch_books(session: Session, books: Mapping[int, int]) -> None:
    """The books changed and nothing was freed: raise the revisions."""
    session.execute(
        update(ShiftDay)
        .where(ShiftDay.id.in_(sorted(books)))
        .values(revision=ShiftDay.revision + 1)
    )
    announce_books(session, books)


def announce_books(session: Session, books: Mapping[int, int]) -> None:
    """Around the commit, turn the cached availability of these dates void."""
    dates = {(restaurant, split_book_id(book)[1].isoformat()) for book, restaurant in books.items()}
    before_commit(session, lambda: signals.mark_changing(dates))
    after_commit(session, lambda: signals.mark_changed(dates))
