"""What the clock does at the stand: no-shows and finishes where a restaurant chose them, and the
end of every evening.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from models.entities.reservations import Reservation, ReservationMove
from models.operations.deciding.books import touch_books
from models.operations.deciding.due import lock_due
from models.operations.stand.arrivals import end_evening, finish, mark_no_show
from models.queries.floor.load import aside, restaurants_by_id
from models.rules.reservations.lifecycle import HOLDING, OVER_AFTER, Status
from models.rules.restaurant.policies import finish_before, no_show_before
from models.rules.restaurant.restaurant import Policies

CLOCK = "clock"
STAFF: Final = "staff:%"
_Move = Callable[[Session, int], None]


def mark_no_shows(session: Session, *, now: datetime, limit: int) -> int:
    """Confirmed parties whose grace is over are no-shows. Returns how many were marked.

    Only where the restaurant chose it (`auto_no_show`) and the stand is in use: of the same book
    somebody has arrived. What the staff said after the start stands: a booking written late, a
    no-show taken back.
    """
    row = Reservation
    return _each_due(
        session,
        (row.status == Status.CONFIRMED, _stand_in_use(), not_(_staff_spoke())),
        row.starts_at,
        lambda policies: no_show_before(policies, now=now),
        lambda session_, number: mark_no_show(session_, number, now=now, actor=CLOCK),
        now=now,
        limit=limit,
    )


def finish_overdue(session: Session, *, now: datetime, limit: int) -> int:
    """Seated parties long past their turn have left. Returns how many were finished.

    Only where the restaurant chose it (`auto_finish`), and not who was taken back once.
    """
    row, move = Reservation, ReservationMove
    taken_back = exists().where(
        move.reservation_id == row.id, move.before == Status.FINISHED, move.actor.like(STAFF)
    )
    return _each_due(
        session,
        (row.status == Status.SEATED, not_(taken_back)),
        row.ends_at,
        lambda policies: finish_before(policies, now=now),
        lambda session_, number: finish(session_, number, now=now, actor=CLOCK),
        now=now,
        limit=limit,
    )


def end_evenings(session: Session, *, now: datetime, limit: int) -> int:
    """Parties of whom nobody said what became of them are finished, OVER_AFTER their turn.

    A no-show is a word against a guest, so the clock never says it here. Returns how many.
    """
    row, before = Reservation, now - OVER_AFTER
    due = (
        row.status.in_(sorted(HOLDING)),
        row.starts_at <= before,  # for the index
        row.ends_at <= before,
        row.restaurant_id.not_in(aside()),
    )
    books, still = lock_due(session, due, row.starts_at, limit=limit)
    if not books:
        return 0
    again = select(row).where(*still).execution_options(populate_existing=True)
    parties = session.scalars(again).all()
    for party in parties:
        end_evening(session, party, now=now, actor=CLOCK)
    touch_books(session, books)
    return len(parties)


def _stand_in_use() -> ColumnElement[bool]:
    other = aliased(Reservation)
    return exists().where(other.book_id == Reservation.book_id, other.arrived_at.is_not(None))


def _staff_spoke() -> ColumnElement[bool]:
    move = ReservationMove
    return exists().where(
        move.reservation_id == Reservation.id,
        move.at >= Reservation.starts_at,
        move.actor.like(STAFF),
    )


def _each_due(
    session: Session,
    due: tuple[ColumnElement[bool], ...],
    since: InstrumentedAttribute[datetime],
    before: Callable[[Policies], datetime | None],
    move: _Move,
    *,
    now: datetime,
    limit: int,
) -> int:
    """Find who is due, lock their books (sorted), look again, move those who still are.

    `before`: up to when `since` must lie at a restaurant with such policies; None: never. All of
    it is asked of the database, so that the limit counts none but those who are due.
    """
    is_due = (*due, _chosen(session, (due[0], since <= now), since, before))
    books, still = lock_due(session, is_due, since, limit=limit)
    if not books:
        return 0
    again = select(Reservation.id).where(*still)
    moved = session.scalars(again.order_by(since, Reservation.id)).all()
    for number in moved:
        move(session, number)
    return len(moved)


def _chosen(
    session: Session,
    candidates: tuple[ColumnElement[bool], ...],
    since: InstrumentedAttribute[datetime],
    before: Callable[[Policies], datetime | None],
) -> ColumnElement[bool]:
    """The condition that each restaurant's own policies make of `since`."""
    row = Reservation
    where = select(row.restaurant_id).where(*candidates, row.restaurant_id.not_in(aside()))
    restaurants = restaurants_by_id(session, session.scalars(where.distinct()).all())
    chosen: dict[datetime, list[int]] = defaultdict(list)
    for number, restaurant in restaurants.items():
        if (at := before(restaurant.policies)) is not None:
            chosen[at].append(number)
    return or_(
        row.id < 0,  # nobody, where no restaurant chose it
        *(and_(row.restaurant_id.in_(ids), since <= at) for at, ids in chosen.items()),
    )
