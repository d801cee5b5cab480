"""Check that no interval of any book has more online covers or parties than its pacing allows.

Only online decisions are checked. The staff may exceed the pacing, and all their bookings counted
when an online party was decided: so online covers alone never exceed a limit. No-shows and
cancellations that were undone are left out, too, as are parties changed while they were here, and
for the online limit all parties that the staff changed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation, ReservationChange, ReservationMove
from models.integrity.finding import CheckedRestaurant, Files, Finding, ShiftFile
from models.rules.messages.notifying import CHANGED_REASON
from models.rules.reservations.lifecycle import HERE, PACED, Status
from models.rules.restaurant.pacing import on_that_date
from models.rules.restaurant.restaurant import BOOKS_PER_SHIFT, Pacing, split_book_id
from models.rules.restaurant.sittings import quarter_of

_PACED = sorted(status.value for status in PACED)


@dataclass(frozen=True, slots=True)
class _Start:
    """One online party that starts in the interval."""

    id: int
    party_size: int
    decided_at: datetime | None
    #: the staff changed it: the online limit was not checked
    by_staff: bool


def pacing(session: Session, files: Files) -> Iterator[Finding]:
    """Check every interval of every book; decisions by an older file are left out."""
    for shift_id, shift in files.shifts.items():
        restaurant = files.restaurants.get(shift.restaurant_id)
        if restaurant is None:
            continue
        usual = shift.pacing or restaurant.policies.pacing
        for book, starts_at, limits in _suspects(session, restaurant, shift_id, usual):
            starts = _read_starts(session, restaurant, book, starts_at)
            for text in _exceeded(limits, starts):
                yield _finding(files, shift, book, starts_at, starts, text)


def _online(first_book: int, last_book: int) -> ColumnElement[bool]:
    row = Reservation
    return and_(
        row.book_id.between(first_book, last_book),
        row.source == "online",
        row.status.in_(_PACED),
    )


def _suspects(
    session: Session, restaurant: CheckedRestaurant, shift_id: int, usual: Pacing
) -> Iterator[tuple[int, datetime, Pacing]]:
    """The intervals of a shift, on any date, whose sums exceed a limit; with their limits."""
    row = Reservation
    first = shift_id * BOOKS_PER_SHIFT
    covers, parties = func.sum(row.party_size), func.count()
    query = (
        select(row.book_id, row.starts_at, covers, parties)
        .where(_online(first, first + BOOKS_PER_SHIFT - 1))
        .group_by(row.book_id, row.starts_at)
    )
    for book, starts_at, sum_, count in session.execute(query).all():
        limits = _limits(restaurant, usual, book, starts_at)
        least = _least(limits.covers, limits.online_covers)
        if _is_over(least, int(sum_)) or _is_over(limits.parties, count):
            yield book, starts_at, limits


def _limits(restaurant: CheckedRestaurant, usual: Pacing, book: int, starts_at: datetime) -> Pacing:
    if not restaurant.restaurant.date_pacing:
        return usual
    day, quarter = split_book_id(book)[1], quarter_of(starts_at)
    return on_that_date(restaurant.restaurant, usual, day, quarter)


def _read_starts(
    session: Session, restaurant: CheckedRestaurant, book: int, starts_at: datetime
) -> list[_Start]:
    row, wish = Reservation, ReservationChange
    by_staff = (
        select(wish.id)
        .where(wish.reservation_id == row.id, wish.by_staff, wish.status == "accepted")
        .exists()
    )
    query = select(row.id, row.party_size, row.decided_at, by_staff).where(
        _online(book, book), row.starts_at == starts_at, ~_whatever_the_pacing()
    )
    found = [_Start(*facts) for facts in session.execute(query.order_by(row.id))]
    return [start for start in found if restaurant.holds_for(start.decided_at)]


def _whatever_the_pacing() -> ColumnElement[bool]:
    """Match parties changed while here, seated from the waitlist, or whose end was undone."""
    move = ReservationMove
    here = and_(move.reason == CHANGED_REASON, move.after.in_(sorted(HERE)))
    seated = and_(move.before == Status.WAITLISTED, move.after == Status.SEATED)
    undone = move.before.in_((Status.NO_SHOW, Status.CANCELLED, Status.DECLINED))
    own = select(move.reservation_id).where(move.reservation_id == Reservation.id)
    return own.where(or_(undone, here, seated)).exists()


def _exceeded(limits: Pacing, starts: list[_Start]) -> Iterator[str]:
    covers = _covers(starts)
    online = _covers(start for start in starts if not start.by_staff)
    if _is_over(limits.covers, covers):
        yield f"{covers} covers, {limits.covers} allowed"
    if _is_over(limits.parties, len(starts)):
        yield f"{len(starts)} parties, {limits.parties} allowed"
    if _is_over(limits.online_covers, online):
        yield f"{online} online covers, {limits.online_covers} allowed"


def _covers(starts: Iterable[_Start]) -> int:
    return sum(start.party_size for start in starts)


def _is_over(limit: int | None, value: int) -> bool:
    return limit is not None and value > limit


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _finding(
    files: Files,
    shift: ShiftFile,
    book: int,
    starts_at: datetime,
    starts: list[_Start],
    text: str,
) -> Finding:
    slug = files.restaurants[shift.restaurant_id].slug
    ids = tuple(start.id for start in starts)
    names = ", ".join(str(number) for number in ids)
    where = f"{slug}, book {book}, {starts_at.isoformat()}"
    return Finding("pacing", ids, f"{where}: {text} online (reservations {names})")
