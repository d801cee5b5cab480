"""Requests that hold their tables and wait for the staff's approval."""

from collections import defaultdict

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.entities.floor import DiningTable
from models.entities.reservations import Assignment, Reservation
from models.rules.reservations.lifecycle import Status


def count_for_approval(session: Session, restaurant_id: int) -> int:
    """Return how many requests of all dates wait. One query."""
    query = select(func.count()).where(*_waits(restaurant_id))
    return session.scalars(query).one()


def waiting_for_approval(
    session: Session, restaurant_id: int
) -> list[tuple[Reservation, tuple[str, ...]]]:
    """Return these requests with the labels of their tables, the nearest deadline first.

    Two queries.
    """
    row = Reservation
    query = (
        select(row)
        .where(*_waits(restaurant_id))
        .order_by(row.approve_by, row.id)
        .execution_options(populate_existing=True)
    )
    rows = session.scalars(query).all()
    given = (
        select(Assignment.reservation_id, DiningTable.label)
        .join(DiningTable, DiningTable.id == Assignment.dining_table_id)
        .where(Assignment.reservation_id.in_([each.id for each in rows]))
        .order_by(DiningTable.id)
    )
    tables: dict[int, list[str]] = defaultdict(list)
    for number, label in session.execute(given):
        tables[number].append(label)
    return [(each, tuple(tables[each.id])) for each in rows]


def _waits(restaurant_id: int) -> tuple[ColumnElement[bool], ...]:
    row = Reservation
    return (
        row.approve_by.is_not(None),
        row.status == Status.CONFIRMED,
        row.restaurant_id == restaurant_id,
    )
