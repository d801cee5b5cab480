"""Check that nothing is overdue, no claim is stuck, and every row refers to rows that exist."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from models.entities.floor import Area, DiningTable, Restaurant
from models.entities.messages import Message
from models.entities.reservations import Assignment, Reservation, ReservationChange, TableOccupancy
from models.entities.shifts import ShiftDay
from models.integrity.finding import Files, Finding
from models.rules.reservations.lifecycle import DOOR, HOLDING, OVER_AFTER, Status
from models.rules.restaurant.restaurant import BOOKS_PER_SHIFT

_HOLDING = sorted(status.value for status in HOLDING)
#: Scheduled jobs are minutes late at most. A party still there after this was missed by them.
PASSED_BY = timedelta(hours=1)


def undecided(session: Session, *, since: datetime, limit: int) -> Iterator[Finding]:
    """Requests, changes and freed books older than `since` still waiting for their lane."""
    row, wish, book = Reservation, ReservationChange, ShiftDay
    requests = select(row.id, row.created_at).where(
        row.status == "requested", row.created_at < since
    )
    for number, at in session.execute(requests.limit(limit)):
        text = f"reservation {number}, created at {at}, is not decided"
        yield Finding("undecided", (number,), text)
    wishes = select(wish.id, wish.reservation_id).where(
        wish.status == "requested", wish.created_at < since
    )
    for number, party in session.execute(wishes.limit(limit)):
        text = f"change {number} of reservation {party} is not decided"
        yield Finding("undecided", (party,), text)
    freed = select(book.id, book.service_date).where(book.freed_at < since)
    for number, day in session.execute(freed.limit(limit)):
        text = f"tables of book {number} ({day}) were freed but not offered"
        yield Finding("undecided", (), text)


def overdue(session: Session, *, now: datetime, limit: int) -> Iterator[Finding]:
    """Parties never finished after their evening: they hold the book, and their data stay."""
    row = Reservation
    waits = and_(
        row.status == Status.WAITLISTED,
        row.starts_at < now - PASSED_BY,
        or_(row.source != DOOR, row.starts_at < now - OVER_AFTER - PASSED_BY),
    )
    is_here = and_(
        row.status.in_(_HOLDING),
        row.starts_at < now - OVER_AFTER - PASSED_BY,
        row.ends_at < now - OVER_AFTER - PASSED_BY,
    )
    query = select(row.id, row.status, row.ends_at).where(or_(waits, is_here))
    for number, status, ends_at in session.execute(query.limit(limit)):
        text = f"reservation {number} is {status}, but its turn ended at {ends_at}"
        yield Finding("overdue", (number,), text)


def stuck_claims(session: Session, *, since: datetime, limit: int) -> Iterator[Finding]:
    """Messages in `sending` whose claim expired before `since`."""
    query = (
        select(Message.id, Message.reservation_id, Message.claimed_until)
        .where(
            Message.state == "sending",
            or_(Message.claimed_until.is_(None), Message.claimed_until < since),
        )
        .limit(limit)
    )
    for row in session.execute(query):
        text = f"message {row.id} of reservation {row.reservation_id} has an expired claim"
        yield Finding("stuck-claim", (row.reservation_id,), text)


def references(session: Session, files: Files, *, limit: int) -> Iterator[Finding]:
    """Rows that refer to a missing row: the busiest tables have no foreign keys."""
    row, given = Reservation, Assignment
    for column, what, missing in (
        (
            row.id,
            "reservation {} belongs to no restaurant",
            _none(Restaurant.id, row.restaurant_id),
        ),
        (
            row.id,
            "reservation {} requests an area that its restaurant does not have",
            and_(
                row.area_id.is_not(None),
                _none(Area.id, row.area_id, Area.restaurant_id == row.restaurant_id),
            ),
        ),
        (
            given.reservation_id,
            "assignments of reservation {}, which does not exist",
            _none(row.id, given.reservation_id),
        ),
    ):
        yield from _missing(session, select(column).where(missing).distinct().limit(limit), what)
    yield from _orphan_messages(session, limit=limit)
    yield from _orphan_occupancy(session, limit=limit)
    yield from _occupancy_of_wrong_tables(session, limit=limit)
    yield from _wrong_books(session, files)


def _orphan_messages(session: Session, *, limit: int) -> Iterator[Finding]:
    """Messages without a reservation. Tests each reservation once, in the order of the index."""
    said = select(Message.reservation_id).group_by(Message.reservation_id).subquery()
    query = select(said.c.reservation_id).where(_none(Reservation.id, said.c.reservation_id))
    yield from _missing(
        session, query.limit(limit), "messages of reservation {}, which does not exist"
    )


def _orphan_occupancy(session: Session, *, limit: int) -> Iterator[Finding]:
    """Occupancy without a reservation. Tests each reservation once, not each of its quarters."""
    held = select(TableOccupancy.reservation_id).distinct().subquery()
    query = select(held.c.reservation_id).where(_none(Reservation.id, held.c.reservation_id))
    yield from _missing(
        session, query.limit(limit), "occupancy of reservation {}, which does not exist"
    )


def _occupancy_of_wrong_tables(session: Session, *, limit: int) -> Iterator[Finding]:
    """Occupancy of wrong tables. Tests the few pairs of table and restaurant, reads odd ones."""
    held = TableOccupancy
    pairs = select(held.dining_table_id, held.restaurant_id).distinct().subquery()
    is_odd = _none(
        DiningTable.id,
        pairs.c.dining_table_id,
        DiningTable.restaurant_id == pairs.c.restaurant_id,
    )
    odd = session.execute(
        select(pairs.c.dining_table_id, pairs.c.restaurant_id).where(is_odd).limit(limit)
    )
    for table_id, restaurant_id in odd.all():
        query = select(held.reservation_id).where(
            held.dining_table_id == table_id, held.restaurant_id == restaurant_id
        )
        what = "occupancy of reservation {} names a table of another restaurant, or none"
        yield from _missing(session, query.distinct().limit(limit), what)


def _missing(session: Session, query: Select[int], what: str) -> Iterator[Finding]:
    for number in session.scalars(query):
        yield Finding("reference", (number,), what.format(number))


def _none(
    key: InstrumentedAttribute[int], value: ColumnElement[Any] | Any, *also: ColumnElement[bool]
) -> ColumnElement[bool]:
    return not_(exists().where(key == value, *also))


def _wrong_books(session: Session, files: Files) -> Iterator[Finding]:
    """Reservations whose book is of no shift of their restaurant."""
    row = Reservation
    shift = row.book_id // BOOKS_PER_SHIFT
    query = select(shift.label("shift"), row.restaurant_id, func.min(row.id).label("id")).group_by(
        shift, row.restaurant_id
    )
    for found in session.execute(query):
        known = files.shifts.get(int(found.shift))
        if known is None or known.restaurant_id != found.restaurant_id:
            text = (
                f"reservation {found.id} (and perhaps others) belongs to no shift of its restaurant"
            )
            yield Finding("reference", (found.id,), text)
