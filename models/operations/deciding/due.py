"""Find reservations that are due without a lock, then check them again under their books' locks."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.entities.reservations import Reservation
from models.operations.deciding.books import lock_books
from models.queries.floor.load import unreadable_restaurants
from models.rules.reservations.lifecycle import Status


def lock_due(
    session: Session,
    due: Sequence[ColumnElement[bool]],
    since: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None],
    *,
    limit: int,
) -> tuple[dict[int, int], tuple[ColumnElement[bool], ...]]:
    """Find the first `limit` reservations for which `due` holds, and lock their books.

    Return the books, and the conditions to read those reservations by: under the lock they must
    still be due, and be in a locked book. No books: no reservation is due.
    """
    row = Reservation
    peek = select(row.id, row.book_id, row.restaurant_id).where(*due)
    found = session.execute(peek.order_by(since, row.id).limit(limit)).all()
    if not found:
        return {}, ()
    books = {each.book_id: each.restaurant_id for each in found}
    lock_books(session, books)
    return books, (row.id.in_([each.id for each in found]), row.book_id.in_(books), *due)


def lock_lapsed(
    session: Session,
    deadline: InstrumentedAttribute[datetime | None],
    *,
    now: datetime,
    limit: int,
) -> Sequence[Reservation]:
    """Lock and read the first `limit` parties that hold tables until a deadline that has passed."""
    row = Reservation
    due = (
        deadline <= now,
        row.status == Status.CONFIRMED,
        row.restaurant_id.not_in(unreadable_restaurants()),
    )
    books, still = lock_due(session, due, deadline, limit=limit)
    if not books:
        return ()
    held = select(row).where(*still).execution_options(populate_existing=True)
    return session.scalars(held).all()
