"""The limits that hosts set on a day's books."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.evening import BookLimit
from models.rules.evening.limits import UNLIMITED, Limits, limited


def limits_of(session: Session, books: Collection[int]) -> list[BookLimit]:
    """Return the limits of these books. One query."""
    row = BookLimit
    query = select(row).where(row.book_id.in_(books)).order_by(row.book_id, row.kind)
    return list(session.scalars(query))


def limits_within(session: Session, book: int) -> Limits:
    """Return the limits of one book as a value. One query."""
    found = UNLIMITED
    for each in limits_of(session, (book,)):
        found = limited(found, each.kind, covers=each.covers, first=each.from_quarter)
    return found
