"""Arrivals: the party comes, sits down, leaves, or never came."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.core.errors import Invalid, StateConflict
from models.entities.reservations import Reservation
from models.operations.books import lock_reservation, touch_books
from models.operations.history import write_move
from models.operations.seats import (
    change_tables,
    give_back,
    hold_again,
    stay_on,
    tables_of,
    whole_turn_from,
)
from models.queries.floor import house_by_id
from models.rules.house import QUARTER_SECONDS
from models.rules.lifecycle import Status, may_move
from models.rules.seating import Seats

#: A party is not here before this, nor after that.
_EARLY, _LATE = timedelta(hours=12), timedelta(hours=24)
#: What taking the last move back leads to; these ways are open to `take_back` alone.
_BACK = {
    Status.NO_SHOW: Status.CONFIRMED,
    Status.SEATED: Status.ARRIVED,
    Status.FINISHED: Status.SEATED,
}


def arrive(session: Session, reservation_id: int, *, now: datetime, actor: str) -> None:
    """The party is here and waits to be seated. Raises NotFound, StateConflict.

    A no-show that comes after all needs its tables free.
    """
    row = _locked(session, reservation_id, Status.ARRIVED)
    if row is None:
        return
    _check_day(row, now=now)
    if row.status == Status.NO_SHOW:
        hold_again(session, house_by_id(session, row.restaurant_id), row, now=now)
    row.arrived_at = now
    _move(session, row, Status.ARRIVED, now=now, actor=actor, reason="arrival")


def seat(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    table_ids: Seats = (),
) -> None:
    """The party sits down, at its own tables or at `table_ids`. Raises NotFound, StateConflict.

    A party that sits down late keeps its table that much longer, until somebody follows; one
    that sits down early needs its table free from now on. One that sits already moves to
    `table_ids`. Nobody else's table is ever taken.
    """
    row = lock_reservation(session, reservation_id)
    given = tables_of(session, row.id)
    wanted = tuple(sorted(set(table_ids))) or given
    sits = row.status == Status.SEATED
    if sits and wanted == given:
        return
    if not sits:
        _check_move(row, Status.SEATED)
        _check_day(row, now=now)
    house = house_by_id(session, row.restaurant_id)
    if not set(table_ids) <= house.table_by_id.keys():
        raise Invalid.field("tables", "not a table of this restaurant")
    (stay_on if sits else whole_turn_from)(session, house, row, wanted, now=now)
    change_tables(session, row, given, wanted, now=now)
    row.seated_at = row.seated_at if sits else now
    row.arrived_at = row.arrived_at or now
    reason = "moved" if sits else "seating"
    _move(session, row, Status.SEATED, now=now, actor=actor, reason=reason)


def finish(session: Session, reservation_id: int, *, now: datetime, actor: str) -> None:
    """The party has left: its tables are free from the next quarter on."""
    row = _locked(session, reservation_id, Status.FINISHED)
    if row is None:
        return
    give_back(session, row, since=now + timedelta(seconds=QUARTER_SECONDS), now=now)
    row.finished_at = now
    _move(session, row, Status.FINISHED, now=now, actor=actor, reason="finish")


def mark_no_show(session: Session, reservation_id: int, *, now: datetime, actor: str) -> None:
    """Nobody came: the tables are free. Before the start there is no such thing."""
    row = _locked(session, reservation_id, Status.NO_SHOW)
    if row is None:
        return
    if now < row.starts_at:
        raise StateConflict("the reservation has not begun yet")
    give_back(session, row, since=None, now=now)
    _move(session, row, Status.NO_SHOW, now=now, actor=actor, reason="no_show")


def take_back(session: Session, reservation_id: int, *, now: datetime, actor: str) -> None:
    """Undo a no-show, a seating or a finish, on the day itself and while the tables are free.

    Raises NotFound, StateConflict.
    """
    row = lock_reservation(session, reservation_id)
    after = _BACK.get(Status(row.status))
    if after is None:
        raise StateConflict(f"a reservation that is {row.status} has nothing to take back")
    _check_day(row, now=now)
    house = house_by_id(session, row.restaurant_id)
    if row.status == Status.NO_SHOW:
        hold_again(session, house, row, now=now)
        row.arrived_at = None
    elif row.status == Status.FINISHED:
        stay_on(session, house, row, tables_of(session, row.id), now=now)
        row.finished_at = None
    else:
        row.seated_at = None
    _move(session, row, after, now=now, actor=actor, reason="taken_back")


def _locked(session: Session, reservation_id: int, after: Status) -> Reservation | None:
    """The row under its book's lock; None when it has made the move already."""
    row = lock_reservation(session, reservation_id)
    if row.status == after:
        return None
    _check_move(row, after)
    return row


def _check_move(row: Reservation, after: Status) -> None:
    before = Status(row.status)
    undoes = before is not Status.NO_SHOW and _BACK.get(before) is after
    if undoes or not may_move(before, after):
        raise StateConflict(f"a reservation that is {before} cannot become {after}")


def _check_day(row: Reservation, *, now: datetime) -> None:
    if row.starts_at - now > _EARLY:
        raise StateConflict("the reservation is not for today")
    if now - row.starts_at > _LATE:
        raise StateConflict("that was not today")


def _move(
    session: Session,
    row: Reservation,
    after: Status,
    *,
    now: datetime,
    actor: str,
    reason: str,
) -> None:
    write_move(session, row, after, now=now, actor=actor, reason=reason)
    touch_books(session, {row.book_id: row.restaurant_id})
