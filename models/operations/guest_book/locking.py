"""The lock of a restaurant's guest book: taken after the locks of books, never before them."""

from collections.abc import Collection

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.core.database.transactions import dialect_of, table_of
from models.entities.guest_book import GuestBook

_BOOKS = table_of(GuestBook)


def lock_guest_books(session: Session, restaurants: Collection[int]) -> None:
    """Lock the guest books of these restaurants until the end of the transaction, sorted.

    Filing, merging and forgetting exclude one another by it: a guest that is being forgotten is not
    filed again. On SQLite the transaction itself is the lock.
    """
    if dialect_of(session) == "sqlite":
        return
    wanted = sorted(set(restaurants))
    missing = set(wanted) - _held(session, wanted)
    if missing:
        rows = [{"restaurant_id": number} for number in sorted(missing)]
        session.execute(insert(_BOOKS).prefix_with("IGNORE"), rows)
        _held(session, wanted)


def _held(session: Session, wanted: list[int]) -> set[int]:
    row = _BOOKS.c.restaurant_id
    query = select(row).where(row.in_(wanted)).order_by(row).with_for_update()
    return set(session.scalars(query))
