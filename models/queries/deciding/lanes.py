"""Lanes: find the work that waits for a decision, before any lock is taken.

A lane is a share of the restaurants: `restaurant_id mod lanes`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Integer,
    bindparam,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.settings import settings
from models.entities.reservations import Reservation, ReservationChange
from models.entities.shifts import ShiftDay
from models.queries.floor.load import unreadable_restaurants
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import split_book_id

_CHANGES = 100
_FREED = 50
_DAY = timedelta(days=1)
#: A shift may end after midnight: it shares tables with those of the day before and after.
_NEAR = (-1, 0, 1)
_REQUEST, _CHANGE, _BOOK = range(3)


@dataclass(slots=True)
class LaneWork:
    """The work that a query of the lane found before any lock: ids only, nothing to decide on."""

    requests: list[int] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    books: dict[int, int] = field(default_factory=dict)
    #: books with freed tables -> their revision at the time of the query
    freed: dict[int, int] = field(default_factory=dict)
    #: books whose waitlist is considered because tables were freed there or in a neighbour
    asked: dict[int, int] = field(default_factory=dict)
    #: a limit was reached: there may be more
    more: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether the lane has no work."""
        return not self.books


def read_work(session: Session, lane: int, *, limit: int) -> LaneWork:
    """Find the lane's work: requests, changes, and books with freed tables.

    One statement, and a second one if tables were freed.
    """
    lanes = settings().lanes
    mine = {
        "lane": lane % lanes,
        "lanes": lanes,
        "limit": limit,
        "unreadable_restaurants": unreadable_restaurants(),
    }
    found = LaneWork()
    for kind, number, book, other_book, restaurant_id in session.execute(_WORK, mine):
        found.books[book] = restaurant_id
        if kind == _REQUEST:
            found.requests.append(number)
        elif kind == _CHANGE:
            found.changes.append(number)
            found.books[other_book] = restaurant_id
        else:
            found.freed[book] = other_book  # the column has the revision here
    kinds = ((found.requests, limit), (found.changes, _CHANGES), (found.freed, _FREED))
    found.more = any(len(rows) >= most for rows, most in kinds)
    if found.freed:
        found.asked = _waitlists_near(session, {book: found.books[book] for book in found.freed})
        found.books.update(found.asked)
    return found


def _waitlists_near(session: Session, freed: Mapping[int, int]) -> dict[int, int]:
    """Return the books with a waitlist on these books' days and the days around them.

    Lunch's last turns and dinner's first parties compete for the same tables, so tables freed at
    lunch are offered to dinner's waitlist too.
    """
    days = {
        (restaurant_id, split_book_id(book)[1] + shift * _DAY)
        for book, restaurant_id in freed.items()
        for shift in _NEAR
    }
    query = (
        select(ShiftDay.id, ShiftDay.restaurant_id)
        .join(Reservation, Reservation.book_id == ShiftDay.id)
        .where(
            Reservation.status == Status.WAITLISTED,
            tuple_(ShiftDay.restaurant_id, ShiftDay.service_date).in_(sorted(days)),
        )
        .distinct()
    )
    return {row.id: row.restaurant_id for row in session.execute(query)}


def _work_query() -> CompoundSelect[Any]:
    """Build three queries as one statement: a lane is polled for every request."""
    asks, wishes, days = table_of(Reservation), table_of(ReservationChange), table_of(ShiftDay)
    now_at = asks.alias("now_at")

    def mine(restaurant_id: ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
        lane, lanes = bindparam("lane", type_=Integer), bindparam("lanes", type_=Integer)
        unreadable_ids: BindParameter[int] = bindparam("unreadable_restaurants", expanding=True)
        return restaurant_id % lanes == lane, restaurant_id.not_in(unreadable_ids)

    requests = (
        select(*_named(_REQUEST, asks.c.id, asks.c.book_id, asks.c.book_id, asks.c.restaurant_id))
        .where(asks.c.status == Status.REQUESTED.value, *mine(asks.c.restaurant_id))
        .order_by(asks.c.id)
        .limit(bindparam("limit", type_=Integer))
    )
    row = wishes.c
    changes = (
        select(*_named(_CHANGE, row.id, row.book_id, now_at.c.book_id, row.restaurant_id))
        .join_from(wishes, now_at, now_at.c.id == row.reservation_id)
        .where(row.status == "requested", *mine(row.restaurant_id))
        .order_by(row.id)
        .limit(_CHANGES)
    )
    freed = (
        select(*_named(_BOOK, days.c.id, days.c.id, days.c.revision, days.c.restaurant_id))
        .where(days.c.freed_at.is_not(None), *mine(days.c.restaurant_id))
        .order_by(days.c.freed_at)
        .limit(_FREED)
    )
    # In subqueries, because each has its own limit; SQLite requires a derived table for that.
    pending = (requests.subquery("r"), changes.subquery("c"), freed.subquery("f"))
    return union_all(*(select(each) for each in pending))


def _named(kind: int, *columns: ColumnElement[int]) -> list[ColumnElement[Any]]:
    names = ("number", "book", "other_book", "restaurant_id")
    named = [column.label(name) for column, name in zip(columns, names, strict=True)]
    return [literal_column(str(kind)).label("kind"), *named]


_WORK = _work_query()
