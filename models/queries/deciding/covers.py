"""The covers present by quarter-hour, in a restaurant that counts covers instead of tables.

No row says it: it follows from the parties themselves, so nothing can contradict them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Row, and_, or_, select
from sqlalchemy.orm import Session

from models.core.database.transactions import dialect_of, table_of
from models.entities.door import DoorEntry
from models.entities.floor import Restaurant
from models.entities.reservations import Reservation
from models.entities.shifts import ShiftDay
from models.rules.deciding.seating import Floor
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec, split_book_id
from models.rules.restaurant.sittings import quarter_of
from models.rules.restaurant.turn_times import buffer_minutes


class Staying(Protocol):
    """The columns of a reservation from which its stay follows."""

    @property
    def book_id(self) -> int:
        """The book."""

    @property
    def status(self) -> str:
        """The current status."""

    @property
    def starts_at(self) -> datetime:
        """The start."""

    @property
    def ends_at(self) -> datetime:
        """The end of the turn."""

    @property
    def seated_at(self) -> datetime | None:
        """When the party sat down, if it did."""


#: A seated party counts for this quarter and the next, even past its turn.
STAYS_QUARTERS: Final = 2
#: Books of so many days before count: no turn and no wait reaches further.
_DAYS: Final = timedelta(days=2)
_HOLDING: Final = sorted(status.value for status in HOLDING)
_ROW, _DAY, _ENTRY = table_of(Reservation).c, table_of(ShiftDay).c, table_of(DoorEntry).c
_PARTIES: Final = (
    select(
        _ROW.id,
        _ROW.book_id,
        _ROW.status,
        _ROW.party_size,
        _ROW.starts_at,
        _ROW.ends_at,
        _ROW.seated_at,
        _ENTRY.ready_at,
        _ENTRY.ready_until,
    )
    .join_from(_DAY.id.table, _ROW.id.table, _ROW.book_id == _DAY.id)
    .outerjoin(_ENTRY.reservation_id.table, _ENTRY.reservation_id == _ROW.id)
    .where(
        or_(
            _ROW.status.in_(_HOLDING),
            # called from the list at the door: it is on its way
            and_(_ROW.status == Status.WAITLISTED.value, _ENTRY.ready_until.is_not(None)),
        )
    )
)


def lock_covers(session: Session, restaurant: RestaurantSpec) -> None:
    """Lock the count of this restaurant's covers until the end of the transaction.

    The lock of a book is not enough: a party may stay into the hours of the next book. Take it
    after the books. On SQLite the transaction itself is the lock.
    """
    if restaurant.covers is not None and dialect_of(session) != "sqlite":
        row = table_of(Restaurant).c
        session.execute(select(row.id).where(row.id == restaurant.id).with_for_update())


def count_covers(
    session: Session,
    restaurant: RestaurantSpec,
    floor: Floor,
    *,
    first: int,
    last: int,
    now: datetime,
) -> None:
    """Write into the floor how many covers are in the restaurant from `first` to `last`. One query.

    Nothing for a restaurant with tables.
    """
    if restaurant.covers is not None:
        floor.covers |= covers_present(session, restaurant, first=first, last=last, now=now)


def covers_present(
    session: Session,
    restaurant: RestaurantSpec,
    *,
    first: int,
    last: int,
    now: datetime,
    without: int = 0,
) -> dict[int, int]:
    """Return quarter -> the covers in the restaurant, for `first` to `last`, both included.

    `without`: a party that does not count. A decision calls `lock_covers` before.
    """
    begin, end = (datetime.fromtimestamp(each * QUARTER_SECONDS, UTC) for each in (first, last))
    query = _PARTIES.where(
        _DAY.restaurant_id == restaurant.id,
        _DAY.service_date.between((begin - _DAYS).date(), (end + _DAYS).date()),
        _ROW.id != without,
    )
    there = dict.fromkeys(range(first, last + 1), 0)
    for party in session.execute(query):
        for quarter in stay_of(restaurant, party, now=now):
            if first <= quarter <= last:
                there[quarter] += party.party_size
    return there


def stay_of(restaurant: RestaurantSpec, party: Row[*tuple[Any, ...]], *, now: datetime) -> range:
    """Return the quarters for which a party counts: its turn, and the buffer after it."""
    if party.status == Status.WAITLISTED:
        turn = party.ends_at - party.starts_at
        return _quarters(restaurant, party.book_id, party.ready_at, party.ready_until + turn)
    planned = planned_stay(restaurant, party)
    if party.status != Status.SEATED:
        return planned
    return range(planned.start, max(planned.stop, quarter_of(now) + STAYS_QUARTERS))


def planned_stay(restaurant: RestaurantSpec, party: Staying) -> range:
    """Return the quarters of a party's turn and the buffer; one seated early came before it."""
    seated = party.seated_at if party.status == Status.SEATED else None
    begins = min(party.starts_at, seated or party.starts_at)
    return _quarters(restaurant, party.book_id, begins, party.ends_at)


def _quarters(restaurant: RestaurantSpec, book: int, begins: datetime, ends: datetime) -> range:
    shift = restaurant.shift_by_id.get(split_book_id(book)[0])
    policies = restaurant.policies
    buffer = buffer_minutes(policies, shift) if shift else policies.buffer_minutes
    last = quarter_of(ends + timedelta(minutes=buffer) - timedelta(microseconds=1))
    return range(quarter_of(begins), last + 1)
