"""Seat a party that waits, and undo it."""

from datetime import UTC, datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.entities.door import DoorEntry
from models.entities.reservations import Assignment, Reservation
from models.operations.deciding.occupancy import end_before, last_held
from models.operations.deciding.seatings import moment
from models.operations.door.free_tables import free_seats, next_taken, no_table_words, uncall
from models.rules.deciding.at_the_door import SHORTEST_TURN
from models.rules.deciding.board import Reason
from models.rules.deciding.seating import Seats
from models.rules.messages.wall_clock import offset_of
from models.rules.reservations.lifecycle import DOOR
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from models.rules.restaurant.sittings import find_sitting, quarter_of


def prepare_to_seat(
    session: Session, restaurant: RestaurantSpec, row: Reservation, tables: Seats, *, now: datetime
) -> Seats:
    """Ready a waiting party to be seated now, and return its tables.

    At `tables`, else those it was called to, else the best that are free now. A party at the door
    starts in this quarter. Before the next party the turn ends, after half an hour at least. Raises
    StateConflict if no table is free and none is named.
    """
    entry = session.get(DoorEntry, row.id, populate_existing=True)
    called = tuple((entry and entry.ready_tables) or ())
    seats = tables or called or free_seats(session, restaurant, row, now=now)
    if seats is None:
        raise StateConflict(no_table_words(restaurant))
    row.reason, row.tables_chosen = None, True
    if entry is not None:
        entry.served_at = entry.served_at or now
        uncall(session, row, entry, now=now)
        _start_now(restaurant, row, now=now)
    _end_before_the_next(session, restaurant, row, seats, now=now)
    return seats


def wait_again(session: Session, row: Reservation) -> None:
    """Put a party back on the list that it was seated from by mistake. Its tables are free."""
    session.execute(delete(Assignment).where(Assignment.reservation_id == row.id))
    row.reason = Reason.FULL.value
    row.tables_chosen = False
    entry = session.get(DoorEntry, row.id, populate_existing=True)
    if entry is not None:
        entry.served_at = None


def cancel_call(session: Session, row: Reservation, *, now: datetime) -> None:
    """Take back the call of a party that is cancelled, if it was called to a table."""
    entry = session.get(DoorEntry, row.id) if row.source == DOOR else None
    if entry is not None:
        uncall(session, row, entry, now=now)


def _end_before_the_next(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    seats: Seats,
    *,
    now: datetime,
) -> None:
    """Cut the turn where the next party's begins, if half an hour is left of it."""
    first, last = quarter_of(now), last_held(restaurant, row, row.ends_at)
    begins = next_taken(session, row, seats, first=first, last=last)
    if begins is not None:
        end = end_before(restaurant, row, begins)
        is_enough = end >= moment(first + SHORTEST_TURN) and end > row.starts_at
        row.ends_at = end if is_enough else row.ends_at


def _start_now(restaurant: RestaurantSpec, row: Reservation, *, now: datetime) -> None:
    """Start the turn in this quarter, if it is a start of the party's book."""
    start = datetime.fromtimestamp(quarter_of(now) * QUARTER_SECONDS, UTC)
    sitting = find_sitting(restaurant, start)
    if sitting is None or sitting.book_id != row.book_id or start <= row.starts_at:
        return
    row.ends_at += start - row.starts_at
    row.starts_at = start
    row.told_offset = offset_of(restaurant, start)
