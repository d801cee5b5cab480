"""Allocation: a lane's waiting parties get their answer, all in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from models.core.settings import settings
from models.entities.reservations import Reservation, ReservationChange
from models.entities.shifts import ShiftDay
from models.operations.books import lock_books
from models.operations.change_decisions import decide_change
from models.operations.rounds import Decided, Round
from models.queries.floor import not_aside
from models.queries.guests import load_same_guests
from models.queries.parties import COLUMNS, PartyRow
from models.rules.lifecycle import Status

_CHANGES = 100
_FREED = 50
_DAY = timedelta(days=1)
#: a shift may end after midnight: the day before and the day after share tables with it
_NEAR = (-1, 0, 1)


@dataclass(slots=True)
class Waiting:
    """What a look at the lane found, before any lock: only ids, nothing to decide on."""

    requests: list[int] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    books: dict[int, int] = field(default_factory=dict)
    #: books whose waitlist is asked because tables were freed there or next door
    asked: dict[int, int] = field(default_factory=dict)
    #: a limit was reached: there may be more of its kind
    more: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nobody waits."""
        return not self.books


def decide_waiting(session: Session, lane: int, *, now: datetime, limit: int) -> Decided:
    """Decide everything that waits in the lane, in order of arrival, up to `limit` requests.

    Locks the books concerned (sorted), reads one picture of them, seats on it, and writes
    everything. Doing it again does nothing: only rows in `requested` are taken. Freed tables
    go to the waitlist first, whose parties came before.
    """
    waiting = look(session, lane, limit=limit)
    if waiting.is_empty:
        return Decided()
    freed = lock_books(session, waiting.books)
    round_ = Round(session, waiting.books, now=now)
    round_.promote(freed | waiting.asked.keys())
    _answer(round_, _read_requests(session, waiting), _read_changes(session, waiting))
    return round_.close(more=waiting.more)


def look(session: Session, lane: int, *, limit: int) -> Waiting:
    """Who waits in the lane: requests, wishes to change, and books with freed tables."""
    found = Waiting()
    row, lanes = Reservation, settings().lanes
    requests = session.execute(
        select(row.id, row.book_id, row.restaurant_id)
        .where(
            row.status == Status.REQUESTED,
            row.restaurant_id % lanes == lane,
            not_aside(row.restaurant_id),
        )
        .order_by(row.id)
        .limit(limit)
    )
    for number, book, restaurant_id in requests:
        found.requests.append(number)
        found.books[book] = restaurant_id
    _look_for_changes(session, found, lane % lanes, lanes)
    freed = _look_for_freed(session, found, lane % lanes, lanes)
    full = (len(found.requests) >= limit, len(found.changes) >= _CHANGES, freed >= _FREED)
    found.more = any(full)
    return found


def _look_for_freed(session: Session, found: Waiting, lane: int, lanes: int) -> int:
    """Books with freed tables, and their neighbours with a waitlist; how many were freed.

    Lunch's last turns and dinner's first parties want the same tables, so what lunch gives back
    dinner's waitlist is asked about too.
    """
    query = (
        select(ShiftDay.id, ShiftDay.restaurant_id, ShiftDay.service_date)
        .where(
            ShiftDay.freed_at.is_not(None),
            ShiftDay.restaurant_id % lanes == lane,
            not_aside(ShiftDay.restaurant_id),
        )
        .order_by(ShiftDay.freed_at)
        .limit(_FREED)
    )
    freed = session.execute(query).all()
    if not freed:
        return 0
    days = {
        (row.restaurant_id, row.service_date + shift * _DAY) for row in freed for shift in _NEAR
    }
    near = (
        select(ShiftDay.id, ShiftDay.restaurant_id)
        .join(Reservation, Reservation.book_id == ShiftDay.id)
        .where(
            Reservation.status == Status.WAITLISTED,
            tuple_(ShiftDay.restaurant_id, ShiftDay.service_date).in_(sorted(days)),
        )
        .distinct()
    )
    found.asked = {row.id: row.restaurant_id for row in session.execute(near)}
    found.books.update((row.id, row.restaurant_id) for row in freed)
    found.books.update(found.asked)
    return len(freed)


def _look_for_changes(session: Session, found: Waiting, lane: int, lanes: int) -> None:
    wish = ReservationChange
    query = (
        select(wish.id, wish.book_id, Reservation.book_id, wish.restaurant_id)
        .join(Reservation, Reservation.id == wish.reservation_id)
        .where(
            wish.status == "requested",
            wish.restaurant_id % lanes == lane,
            not_aside(wish.restaurant_id),
        )
        .order_by(wish.id)
        .limit(_CHANGES)
    )
    for number, new_book, old_book, restaurant_id in session.execute(query):
        found.changes.append(number)
        found.books[new_book] = found.books[old_book] = restaurant_id


def _read_requests(session: Session, waiting: Waiting) -> Sequence[PartyRow]:
    """The requests again, now that nobody else can answer them."""
    if not waiting.requests:
        return ()
    query = (
        select(*COLUMNS)
        .where(Reservation.id.in_(waiting.requests), Reservation.status == Status.REQUESTED)
        .order_by(Reservation.id)
    )
    return session.execute(query).all()


def _read_changes(session: Session, waiting: Waiting) -> Sequence[ReservationChange]:
    if not waiting.changes:
        return ()
    query = (
        select(ReservationChange)
        .where(ReservationChange.id.in_(waiting.changes), ReservationChange.status == "requested")
        .order_by(ReservationChange.id)
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).all()


def _read_parties(session: Session, changes: Sequence[ReservationChange]) -> dict[int, PartyRow]:
    if not changes:
        return {}
    wishing = [change.reservation_id for change in changes]
    rows = session.execute(select(*COLUMNS).where(Reservation.id.in_(wishing)))
    return {row.id: row for row in rows}


def _answer(
    round_: Round, requests: Sequence[PartyRow], changes: Sequence[ReservationChange]
) -> None:
    """Requests and changes, whichever came first."""
    parties = _read_parties(round_.session, changes)
    round_.guests.add(load_same_guests(round_.session, [*requests, *parties.values()]))
    asked: list[tuple[datetime, int, Any]] = [(row.created_at, 0, row) for row in requests]
    asked += [(change.created_at, 1, change) for change in changes]
    for _, kind, each in sorted(asked, key=lambda item: (item[0], item[1], item[2].id)):
        if kind:
            decide_change(round_, each, parties[each.reservation_id])
        else:
            round_.decide_request(each)
