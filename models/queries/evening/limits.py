"""The limits that hosts set on a day's books."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.evening import BookLimit


def limits_of(session: Session, books: Collection[int]) -> list[BookLimit]:
    """Return the limits of these books. One query."""
    row = BookLimit
    query = select(row).where(row.book_id.in_(books)).order_by(row.book_id, row.kind)
    return list(session.scalars(query))
