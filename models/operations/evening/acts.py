"""The books of an evening: lock them, check the revision that a host has seen, record the act."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from models.core.errors import RevisionConflict
from models.entities.evening import EveningAct
from models.operations.deciding.books import lock_books
from models.queries.book.revision import book_revision
from models.rules.evening.acts import Act
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import book_quarters, local, sittings_on

_DAY = timedelta(days=1)


def books_touching(restaurant: RestaurantSpec, first: int, last: int) -> set[int]:
    """Return the books in which a party may hold a table from quarter `first` to `last`."""
    day, end = local(restaurant, first).date() - _DAY, local(restaurant, last).date()
    found: set[int] = set()
    while day <= end:
        for sitting in sittings_on(restaurant, day):
            begins, ends = book_quarters(restaurant, sitting)
            if begins <= last and ends >= first:
                found.add(sitting.book_id)
        day += _DAY
    return found


def lock_evening(session: Session, restaurant: RestaurantSpec, books: Iterable[int]) -> None:
    """Lock these books, as `lock_books` does."""
    lock_books(session, dict.fromkeys(books, restaurant.id))


def check_book_revision(
    session: Session, restaurant: RestaurantSpec, service_date: date, seen: int | None
) -> None:
    """Raise RevisionConflict if the day's book is no longer at the revision `seen`."""
    if seen is not None and book_revision(session, restaurant.id, service_date) != seen:
        raise RevisionConflict("the book has changed since you read it")


def record_act(
    session: Session,
    restaurant: RestaurantSpec,
    service_date: date,
    act: Act,
    *,
    now: datetime,
    actor: str,
    **detail: Any,
) -> None:
    """Write one line of the evening's history."""
    session.add(
        EveningAct(
            restaurant_id=restaurant.id,
            service_date=service_date,
            at=now,
            actor=actor,
            act=act.value,
            detail=detail,
        )
    )
