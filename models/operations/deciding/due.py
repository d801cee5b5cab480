"""Find reservations that are due without a lock, then check them again under their books' locks."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.entities.reservations import Reservation
from models.operations.deciding.books import lock_books


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
