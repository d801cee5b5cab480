"""What the clock does at the stand: no-shows and forgotten finishes."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, exists, not_, or_, select
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation, ReservationMove
from models.operations.arrivals import finish, mark_no_show
from models.operations.books import lock_books
from models.queries.floor import aside, houses_by_id
from models.rules.house import Policies
from models.rules.lifecycle import Status
from models.rules.policies import finish_due, no_show_due

CLOCK = "clock"
_Move = Callable[[Session, int], None]


def mark_no_shows(session: Session, *, now: datetime, limit: int) -> int:
    """Confirmed parties whose grace is over are no-shows. Returns how many were marked."""
    row, move = Reservation, ReservationMove
    taken_back = exists().where(move.reservation_id == row.id, move.before == Status.NO_SHOW)
    return _each_due(
        session,
        (
            row.status == Status.CONFIRMED,
            row.starts_at <= now,
            # what the host took back is the host's, until the turn is over
            or_(row.ends_at <= now, not_(taken_back)),
        ),
        lambda policies, each: no_show_due(policies, each.starts_at, now=now),
        lambda session_, number: mark_no_show(session_, number, now=now, actor=CLOCK),
        limit=limit,
    )


def finish_overdue(session: Session, *, now: datetime, limit: int) -> int:
    """Seated parties long past their turn have left. Returns how many were finished."""
    row = Reservation
    return _each_due(
        session,
        (row.status == Status.SEATED, row.ends_at <= now),
        lambda policies, each: finish_due(policies, each.ends_at, now=now),
        lambda session_, number: finish(session_, number, now=now, actor=CLOCK),
        limit=limit,
    )


def _each_due(
    session: Session,
    due: tuple[ColumnElement[bool], ...],
    is_due: Callable[[Policies, Reservation], bool],
    move: _Move,
    *,
    limit: int,
) -> int:
    """Find who may be due, lock their books (sorted), look again, move those who are."""
    readable = Reservation.restaurant_id.not_in(aside())
    query = select(Reservation).where(*due, readable).order_by(Reservation.starts_at).limit(limit)
    found = session.scalars(query).all()
    houses = houses_by_id(session, {each.restaurant_id for each in found})
    wanted = [each for each in found if is_due(houses[each.restaurant_id].policies, each)]
    if not wanted:
        return 0
    lock_books(session, {each.book_id: each.restaurant_id for each in wanted})
    ids = [each.id for each in wanted]
    again = select(Reservation).where(*due, Reservation.id.in_(ids))
    still = session.scalars(again.execution_options(populate_existing=True)).all()
    moved = [each.id for each in still if is_due(houses[each.restaurant_id].policies, each)]
    for number in moved:
        move(session, number)
    return len(moved)
