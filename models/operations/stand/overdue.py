"""The clock's jobs at the stand: no-shows, finishes and the end of every evening.

No-shows and finishes apply only where a restaurant chose them.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from models.entities.parties import PartyDetails
from models.entities.reservations import Reservation, ReservationMove
from models.operations.deciding.books import touch_books
from models.operations.deciding.due import lock_due
from models.operations.stand.arrivals import end_evening, finish, mark_no_show
from models.queries.floor.load import restaurants_by_id, unreadable_restaurants
from models.rules.reservations.lifecycle import HOLDING, OVER_AFTER, Status
from models.rules.restaurant.policies import finish_before, no_show_before
from models.rules.restaurant.restaurant import Policies

CLOCK = "clock"
STAFF: Final = "staff:%"
_Move = Callable[[Session, int], None]


def mark_no_shows(session: Session, *, now: datetime, limit: int) -> int:
    """Mark confirmed parties past their grace period as no-shows. Return how many were marked.

    Only where the restaurant chose it (`auto_no_show`) and the stand is in use: a party of the same
    book has arrived. A move by the staff after the start takes precedence: a late
    booking, a no-show undone. A party that runs late has until the time it said.
    """
    return _each_due(
        session,
        (*_expected(), _stand_in_use(), not_(_staff_spoke()), not_(_runs_late(now))),
        Reservation.starts_at,
        lambda policies: no_show_before(policies, now=now),
        lambda session_, number: mark_no_show(session_, number, now=now, actor=CLOCK),
        now=now,
        limit=limit,
    )


def finish_overdue(session: Session, *, now: datetime, limit: int) -> int:
    """Finish seated parties long past their turn. Return how many were finished.

    Only where the restaurant chose it (`auto_finish`) and the stand is in use: since the turn ended
    the staff recorded something about another party of the same book. Not parties whose finish the
    staff undid.
    """
    row, move = Reservation, ReservationMove
    taken_back = exists().where(
        move.reservation_id == row.id, move.before == Status.FINISHED, move.actor.like(STAFF)
    )
    return _each_due(
        session,
        (row.status == Status.SEATED, not_(taken_back), _used_since_the_turn()),
        row.ends_at,
        lambda policies: finish_before(policies, now=now),
        lambda session_, number: finish(session_, number, now=now, actor=CLOCK),
        now=now,
        limit=limit,
    )


def end_evenings(session: Session, *, now: datetime, limit: int) -> int:
    """Finish parties with no recorded outcome, OVER_AFTER past their turn. Return how many.

    A no-show counts against a guest, so the clock never records one here.
    """
    row, before = Reservation, now - OVER_AFTER
    due = (
        row.status.in_(sorted(HOLDING)),
        row.starts_at <= before,  # for the index
        row.ends_at <= before,
        row.restaurant_id.not_in(unreadable_restaurants()),
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


def _expected() -> tuple[ColumnElement[bool], ...]:
    """Confirmed parties, without the requests that wait for the staff's approval."""
    return Reservation.status == Status.CONFIRMED, Reservation.approve_by.is_(None)


def _runs_late(now: datetime) -> ColumnElement[bool]:
    known = PartyDetails
    return exists().where(known.reservation_id == Reservation.id, known.expected_at > now)


def _stand_in_use() -> ColumnElement[bool]:
    other = aliased(Reservation)
    return exists().where(other.book_id == Reservation.book_id, other.arrived_at.is_not(None))


def _used_since_the_turn() -> ColumnElement[bool]:
    """Match parties about whose book, but not about them, the staff spoke after their turn."""
    other, move = aliased(Reservation), ReservationMove
    return exists().where(
        other.book_id == Reservation.book_id,
        other.id != Reservation.id,
        move.reservation_id == other.id,
        move.at >= Reservation.ends_at,
        move.actor.like(STAFF),
    )


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
    """Find due reservations, lock their books (sorted), check again, and move those still due.

    `before`: for given policies, the time up to which `since` must lie; None: never. The database
    evaluates the whole condition, so that only due reservations count towards the limit.
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
    """Return the condition on `since` that follows from each restaurant's own policies."""
    row = Reservation
    where = select(row.restaurant_id).where(
        *candidates, row.restaurant_id.not_in(unreadable_restaurants())
    )
    restaurants = restaurants_by_id(session, session.scalars(where.distinct()).all())
    chosen: dict[datetime, list[int]] = defaultdict(list)
    for number, restaurant in restaurants.items():
        if (at := before(restaurant.policies)) is not None:
            chosen[at].append(number)
    return or_(
        row.id < 0,  # matches nothing, for when no restaurant chose it
        *(and_(row.restaurant_id.in_(ids), since <= at) for at, ids in chosen.items()),
    )
