"""Write the rows of moved parties: tables, starts, pending changes, history, reminders."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models.core.database.bulk import bulk_insert
from models.core.database.transactions import table_of
from models.entities.reservations import Assignment, Reservation, ReservationChange, TableOccupancy
from models.operations.deciding.seatings import Seating
from models.operations.deciding.verdicts import release_tables
from models.operations.messages.renotifying import reset_reminders
from models.operations.reservations.history import write_move
from models.operations.wall_times.tables import WallTimePlace
from models.queries.deciding.standing import Upcoming
from models.rules.messages.notifying import REANCHORED_REASON
from models.rules.messages.wall_clock import offset_of
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec

#: Changes that describe the party as it is, or that leave its start as it is.
_FOLLOW: Final = ("accepted", "requested")


@dataclass(frozen=True, slots=True)
class Plan:
    """The new instant of a party, and the book that it belongs to."""

    who: Upcoming
    starts_at: datetime
    book_id: int


def write_moved(
    session: Session,
    restaurant: RestaurantSpec,
    plans: list[Plan],
    places: Mapping[int, WallTimePlace],
    *,
    now: datetime,
    actor: str,
) -> None:
    """Write the new instant of each party, and its tables from `places`. The books are locked."""
    ids = [each.who.id for each in plans]
    rows = {
        row.id: row
        for row in session.scalars(
            select(Reservation)
            .where(Reservation.id.in_(ids))
            .execution_options(populate_existing=True)
        )
    }
    seatings = [
        Seating(restaurant.id, number, place.seats, place.start, place.held)
        for number in ids
        if (place := places.get(number))
    ]
    for each in seatings:
        was = places[each.reservation_id]
        release_tables(
            session, each.reservation_id, was.own, first=was.begins, last=was.begins + was.held - 1
        )
    numbers = [each.reservation_id for each in seatings]
    session.execute(delete(Assignment).where(Assignment.reservation_id.in_(numbers)))
    quarters = [row for each in seatings for row in each.quarters()]
    bulk_insert(session, table_of(TableOccupancy), quarters)
    given = [row for each in seatings for row in each.given()]
    bulk_insert(session, table_of(Assignment), given)
    for plan in plans:
        _move(session, restaurant, plan, rows[plan.who.id], now=now, actor=actor)


def _move(
    session: Session,
    restaurant: RestaurantSpec,
    plan: Plan,
    row: Reservation,
    *,
    now: datetime,
    actor: str,
) -> None:
    follow = update(ReservationChange).where(
        ReservationChange.reservation_id == row.id,
        ReservationChange.starts_at == row.starts_at,
        ReservationChange.status.in_(_FOLLOW),
    )
    session.execute(follow.values(starts_at=plan.starts_at, book_id=plan.book_id))
    row.ends_at += plan.starts_at - row.starts_at
    row.starts_at, row.book_id = plan.starts_at, plan.book_id
    row.told_offset = offset_of(restaurant, plan.starts_at)
    write_move(session, row, Status(row.status), now=now, actor=actor, reason=REANCHORED_REASON)
    reset_reminders(session, row, restaurant, now=now)
