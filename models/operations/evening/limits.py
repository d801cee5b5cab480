"""Stop or limit online booking for a book, close the book, and reopen it."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from models.core.errors import Invalid, NotAllowed, sentence
from models.entities.evening import BookLimit
from models.entities.reservations import Reservation
from models.operations.deciding.books import free_books, touch_books
from models.operations.evening.acts import check_book_revision, lock_evening, record_act
from models.rules.evening.acts import Act
from models.rules.evening.limits import Limited
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import Sitting, sittings_on


def sittings_of(
    restaurant: RestaurantSpec, service_date: date, shift_key: str | None
) -> tuple[Sitting, ...]:
    """Return the day's sittings, or the one of that shift. Raises Invalid if there are none."""
    found = sittings_on(restaurant, service_date)
    if not found:
        closed = sentence("closed_on", "the restaurant is closed on {date}", date=service_date)
        raise Invalid.field("date", closed)
    if shift_key is None:
        return found
    own = tuple(each for each in found if each.shift.key == shift_key)
    if not own:
        keys = ", ".join(each.shift.key for each in found)
        words = "is not a shift of that day; its shifts: {shifts}"
        raise Invalid.field("shift", sentence("unknown_shift", words, shifts=keys))
    return own


def stop_online(
    session: Session,
    restaurant: RestaurantSpec,
    sittings: Collection[Sitting],
    *,
    first: int,
    covers: int,
    reason: str,
    now: datetime,
    actor: str,
    if_revision: int | None = None,
) -> None:
    """Stop online booking of these books for starts from the quarter `first` on.

    With `covers` it is limited: so many may start online in each interval. Parties that have a
    table keep it; those that wait are asked when it is reopened. The staff may book as before.
    Again with the same values it does nothing. Raises RevisionConflict.
    """
    _limit(
        session,
        restaurant,
        sittings,
        Limited.ONLINE,
        first=first,
        covers=covers,
        reason=reason,
        now=now,
        actor=actor,
        if_revision=if_revision,
    )


def close_books(
    session: Session,
    restaurant: RestaurantSpec,
    sittings: Collection[Sitting],
    *,
    first: int,
    reason: str,
    now: datetime,
    actor: str,
    if_revision: int | None = None,
) -> None:
    """Close these books for starts from the quarter `first` on, for the staff, too.

    Raises RevisionConflict.
    """
    _limit(
        session,
        restaurant,
        sittings,
        Limited.CLOSED,
        first=first,
        covers=0,
        reason=reason,
        now=now,
        actor=actor,
        if_revision=if_revision,
    )


def reopen_books(
    session: Session,
    restaurant: RestaurantSpec,
    sittings: Collection[Sitting],
    *,
    may_open: bool,
    now: datetime,
    actor: str,
) -> None:
    """Lift stops, limits and closings of these books; the waitlist is asked first.

    Books without a limit stay as they are. `may_open`: whether the caller may open a closed book.
    Raises NotAllowed.
    """
    books = {each.book_id for each in sittings}
    lock_evening(session, restaurant, books)
    found = session.scalars(select(BookLimit).where(BookLimit.book_id.in_(books))).all()
    if not found:
        return
    if not may_open and any(each.kind == Limited.CLOSED for each in found):
        raise NotAllowed("your role may not open a closed book")
    session.execute(delete(BookLimit).where(BookLimit.book_id.in_(books)))
    opened = {each.book_id for each in found}
    for sitting in sittings:
        if sitting.book_id in opened:
            kinds = sorted(each.kind for each in found if each.book_id == sitting.book_id)
            said = {"shift": sitting.shift.key, "lifted": kinds}
            day = sitting.service_date
            record_act(session, restaurant, day, Act.REOPEN, now=now, actor=actor, **said)
    free_books(session, dict.fromkeys(opened, restaurant.id), now=now)


def _limit(
    session: Session,
    restaurant: RestaurantSpec,
    sittings: Collection[Sitting],
    kind: Limited,
    *,
    first: int,
    covers: int,
    reason: str,
    now: datetime,
    actor: str,
    if_revision: int | None,
) -> None:
    books = {each.book_id for each in sittings}
    lock_evening(session, restaurant, books)
    known = {
        each.book_id: each
        for each in session.scalars(
            select(BookLimit).where(BookLimit.book_id.in_(books), BookLimit.kind == kind)
        )
    }
    changed = [
        each for each in sittings if not _is_so(known.get(each.book_id), _from(each, first), covers)
    ]
    if not changed:
        return
    for day in {each.service_date for each in sittings}:
        check_book_revision(session, restaurant, day, if_revision)
    made_at = _not_before_decisions(session, books, now)
    for sitting in changed:
        begins = _from(sitting, first)
        session.merge(
            BookLimit(
                book_id=sitting.book_id,
                kind=kind.value,
                restaurant_id=restaurant.id,
                from_quarter=begins,
                covers=covers,
                reason=reason,
                made_at=made_at,
                made_by=actor,
            )
        )
        said = {"shift": sitting.shift.key, "from_quarter": begins, "reason": reason}
        act = Act.STOP if kind is Limited.ONLINE else Act.CLOSE
        said |= {"covers": covers} if kind is Limited.ONLINE else {}
        record_act(session, restaurant, sitting.service_date, act, now=now, actor=actor, **said)
    session.flush()
    touch_books(session, {each.book_id: restaurant.id for each in changed})


def _from(sitting: Sitting, first: int) -> int:
    return max(first, sitting.starts[0])


def _is_so(known: BookLimit | None, first: int, covers: int) -> bool:
    return known is not None and (known.from_quarter, known.covers) == (first, covers)


def _not_before_decisions(session: Session, books: Collection[int], now: datetime) -> datetime:
    """Return `now`, or the time of a later decision that was committed before the lock."""
    row = Reservation
    last = session.scalar(select(func.max(row.decided_at)).where(row.book_id.in_(books)))
    return now if last is None else max(now, last)
