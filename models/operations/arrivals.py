"""Arrivals: the party comes, sits down, leaves, or never came."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.entities.reservations import Assignment, Reservation, ReservationMove
from models.operations.books import lock_reservation, touch_books
from models.operations.seats import (
    give_back,
    held_of,
    hold,
    tables_of,
    taken_tables,
)
from models.operations.verdicts import release_tables
from models.queries.floor import house_by_id
from models.rules.house import QUARTER_SECONDS, House, split_book_id
from models.rules.lifecycle import Status, may_move
from models.rules.seating import Seats
from models.rules.turn_times import buffer_minutes
from models.rules.windows import quarter_of


def arrive(session: Session, reservation_id: int, *, now: datetime, actor: str) -> None:
    """The party is here and waits to be seated. Raises NotFound, StateConflict."""
    row = _locked(session, reservation_id, Status.ARRIVED)
    if row is None:
        return
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

    A party that sits down late keeps its table that much longer where nobody follows; one that
    sits down early needs its table free from now on. Nobody else's table is ever taken.
    """
    row = _locked(session, reservation_id, Status.SEATED)
    if row is None:
        return
    house = house_by_id(session, row.restaurant_id)
    given = tables_of(session, row.id)
    wanted = tuple(sorted(set(table_ids))) or given
    _sit_down(session, house, row, given, wanted, now=now)
    row.seated_at = now
    row.arrived_at = row.arrived_at or now
    _move(session, row, Status.SEATED, now=now, actor=actor, reason="seating")


def finish(session: Session, reservation_id: int, *, now: datetime, actor: str) -> None:
    """The party has left: its tables are free from the next quarter on."""
    row = _locked(session, reservation_id, Status.FINISHED)
    if row is None:
        return
    give_back(session, row, since=_next_quarter(now), now=now)
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


#: What taking the last move back leads to.
_BACK = {
    Status.NO_SHOW: Status.CONFIRMED,
    Status.SEATED: Status.ARRIVED,
    Status.FINISHED: Status.SEATED,
}


def take_back(session: Session, reservation_id: int, *, now: datetime, actor: str) -> None:
    """Undo a no-show, a seating or a finish, on the day itself and while the tables are free.

    Raises NotFound, StateConflict.
    """
    row = lock_reservation(session, reservation_id)
    after = _BACK.get(Status(row.status))
    if after is None or not may_move(Status(row.status), after):
        raise StateConflict(f"a reservation that is {row.status} has nothing to take back")
    if now - row.starts_at > timedelta(hours=24):
        raise StateConflict("that was not today")
    if row.status in (Status.NO_SHOW, Status.FINISHED):
        house = house_by_id(session, row.restaurant_id)
        tables = tables_of(session, row.id)
        first = max(quarter_of(row.starts_at), quarter_of(now))
        _hold_all(session, house, row, tables, first=first, last=_last(row, house))
    row.finished_at = None if after is Status.SEATED else row.finished_at
    row.seated_at = None if after is Status.ARRIVED else row.seated_at
    _move(session, row, after, now=now, actor=actor, reason="taken_back")


def _locked(session: Session, reservation_id: int, after: Status) -> Reservation | None:
    """The row under its book's lock; None when it has made the move already."""
    row = lock_reservation(session, reservation_id)
    if row.status == after:
        return None
    if not may_move(Status(row.status), after):
        raise StateConflict(f"a reservation that is {row.status} cannot become {after}")
    return row


def _move(
    session: Session,
    row: Reservation,
    after: Status,
    *,
    now: datetime,
    actor: str,
    reason: str,
) -> None:
    row.revision += 1
    session.add(
        ReservationMove(
            reservation_id=row.id,
            at=now,
            before=row.status,
            after=after.value,
            revision=row.revision,
            actor=actor,
            reason=reason,
        )
    )
    row.status = after.value
    touch_books(session, {row.book_id: row.restaurant_id})


def _sit_down(
    session: Session,
    house: House,
    row: Reservation,
    given: Seats,
    wanted: Seats,
    *,
    now: datetime,
) -> None:
    """Move to other tables where wanted; let the turn begin now where that is possible."""
    first = min(quarter_of(now), quarter_of(row.starts_at))
    last = _last(row, house)
    late = max(quarter_of(now) - quarter_of(row.starts_at), 0)
    if wanted != given:
        _hold_all(session, house, row, wanted, first=quarter_of(now), last=last)
        left = tuple(table_id for table_id in given if table_id not in wanted)
        release_tables(session, row.id, left, first=first, last=last + late)
        session.execute(delete(Assignment).where(Assignment.reservation_id == row.id))
        session.add_all(
            Assignment(reservation_id=row.id, dining_table_id=table_id) for table_id in wanted
        )
    elif first < quarter_of(row.starts_at):
        _hold_all(session, house, row, wanted, first=first, last=last)
    if late and not taken_tables(session, row, wanted, first=last + 1, last=last + late):
        _hold_all(session, house, row, wanted, first=last, last=last + late)
        row.ends_at += timedelta(seconds=late * QUARTER_SECONDS)


def _hold_all(
    session: Session, house: House, row: Reservation, tables: Seats, *, first: int, last: int
) -> None:
    """Hold what is not held yet of these quarters. Raises StateConflict naming taken tables."""
    taken = taken_tables(session, row, tables, first=first, last=last)
    if taken:
        labels = ", ".join(house.table_by_id[table_id].label for table_id in taken)
        raise StateConflict(f"held by another party: {labels}")
    held = set(held_of(session, row, tables))
    wished = [(table, quarter) for table in tables for quarter in range(first, last + 1)]
    hold(session, row, [pair for pair in wished if pair not in held])


def _last(row: Reservation, house: House) -> int:
    """The last quarter that the party's turn (and the buffer behind it) holds."""
    shift = house.shift_by_id.get(split_book_id(row.book_id)[0])
    minutes = buffer_minutes(house.policies, shift) if shift else house.policies.buffer_minutes
    buffer = timedelta(minutes=minutes)
    return quarter_of(row.ends_at + buffer - timedelta(microseconds=1))


def _next_quarter(now: datetime) -> datetime:
    return now + timedelta(seconds=QUARTER_SECONDS)
