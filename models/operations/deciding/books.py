"""Books: take their locks (first, once, in sorted order) and announce that they changed."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import after_commit, before_commit, dialect_of, table_of
from models.core.errors import NotFound
from models.core.redis import signals
from models.entities.reservations import Reservation
from models.entities.shifts import ShiftDay
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec, split_book_id


def lock_books(session: Session, books: Mapping[int, int]) -> dict[int, int]:
    """Lock these books until the end of the transaction. `books`: book id -> restaurant id.

    Return the books with freed tables that were not yet offered to the waitlist, each with its
    revision.

    Read everything a decision depends on after this call, never before it. Books that were never
    opened get their row here. The wait is 3 s at most; then the database raises its lock error and
    `unit` tries again. On SQLite the transaction itself is the lock (BEGIN IMMEDIATE).
    """
    wanted = sorted(books)
    exclusive = dialect_of(session) != "sqlite"
    held = _held(session, wanted, exclusive)
    missing = [book for book in wanted if book not in held]
    if missing:
        ignore = "IGNORE" if exclusive else "OR IGNORE"
        session.execute(
            insert(ShiftDay).prefix_with(ignore), [_row(book, books[book]) for book in missing]
        )
        held |= _held(session, missing, exclusive)
    return {book: revision for book, revision in held.items() if revision is not None}


_DAYS = table_of(ShiftDay)
_BOOKS = (
    select(_DAYS.c.id, _DAYS.c.freed_at, _DAYS.c.revision)
    .where(_DAYS.c.id.in_(bindparam("books", expanding=True)))
    .order_by(_DAYS.c.id)
)
_BOOKS_LOCKED = _BOOKS.with_for_update()
_TOUCH = (
    update(_DAYS)
    .where(_DAYS.c.id.in_(bindparam("books", expanding=True)))
    .values(revision=_DAYS.c.revision + 1)
)
_FREE = _TOUCH.values(freed_at=bindparam("at"))


def _held(session: Session, wanted: list[int], exclusive: bool) -> dict[int, int | None]:
    """Return book id -> revision if the book has freed tables, else None."""
    rows = session.execute(_BOOKS_LOCKED if exclusive else _BOOKS, {"books": wanted})
    return {row.id: row.revision if row.freed_at is not None else None for row in rows}


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
    """Raise the revisions of books with freed capacity; the lanes offer it to the waitlists."""
    session.execute(_FREE, {"books": sorted(books), "at": now})
    announce_books(session, books)


def clear_freed(session: Session, books: Collection[int]) -> None:
    """Clear the mark of freed tables: this transaction offers them to every party concerned."""
    session.execute(update(_DAYS).where(_DAYS.c.id.in_(books)).values(freed_at=None))


def ask_waitlists(session: Session, restaurant_id: int, *, now: datetime) -> None:
    """Offer tables again to all waitlisted parties after a change of the restaurant's own data.

    Takes the books' locks, in order.
    """
    waits = (
        Reservation.restaurant_id == restaurant_id,
        Reservation.status == Status.WAITLISTED,
        Reservation.starts_at > now,
    )
    books = dict.fromkeys(session.scalars(select(Reservation.book_id).where(*waits)), restaurant_id)
    if books:
        lock_books(session, books)
        free_books(session, books, now=now)


def open_books(session: Session, restaurant: RestaurantSpec, *, now: datetime) -> dict[int, int]:
    """Return the restaurant's opened books from yesterday on: book id -> restaurant id."""
    first = now.astimezone(restaurant.tz).date() - timedelta(days=1)
    query = select(ShiftDay.id).where(
        ShiftDay.restaurant_id == restaurant.id, ShiftDay.service_date >= first
    )
    return dict.fromkeys(session.scalars(query), restaurant.id)


def touch_books(session: Session, books: Mapping[int, int]) -> None:
    """Raise the revisions of books that changed without freeing capacity."""
    session.execute(_TOUCH, {"books": sorted(books)})
    announce_books(session, books)


def announce_books(session: Session, books: Mapping[int, int]) -> None:
    """Invalidate the cached availability of these dates, before the commit and after it."""
    dates = {(restaurant, split_book_id(book)[1].isoformat()) for book, restaurant in books.items()}
    before_commit(session, lambda: signals.mark_changing(dates))
    after_commit(session, lambda: signals.mark_changed(dates))


def lock_reservation(session: Session, reservation_id: int) -> Reservation:
    """Lock the reservation's book, then return the reservation. Raises NotFound.

    If it moved to another book during the wait for the lock, that book is locked too.
    """
    locked: dict[int, int] = {}
    while True:
        where = session.execute(
            select(Reservation.book_id, Reservation.restaurant_id).where(
                Reservation.id == reservation_id
            )
        ).one_or_none()
        if where is None:
            raise NotFound("there is no such reservation")
        if where.book_id in locked:
            break
        locked[where.book_id] = where.restaurant_id
        lock_books(session, {where.book_id: where.restaurant_id})
    return session.get_one(Reservation, reservation_id, populate_existing=True)
