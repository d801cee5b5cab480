"""Allocation: decide all the waiting requests and changes of one lane in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.entities.reservations import Reservation, ReservationChange
from models.operations.deciding.books import lock_books
from models.operations.deciding.change_decisions import decide_change
from models.operations.deciding.rounds import Decided, Round
from models.queries.deciding.lanes import LaneWork, read_work
from models.queries.deciding.parties import COLUMNS, PartyRow
from models.rules.reservations.lifecycle import Status


def decide_waiting(session: Session, lane: int, *, now: datetime, limit: int) -> Decided:
    """Decide everything that waits in the lane, in order of arrival, up to `limit` requests.

    Lock the books concerned (in sorted order), read one snapshot of them, decide on it and write
    all the results. Repeating the call does nothing: only rows in `requested` are taken. Freed
    tables go first to waitlisted parties, which arrived before the requests.
    """
    waiting = read_work(session, lane, limit=limit)
    if waiting.is_empty:
        return Decided()
    freed = lock_books(session, waiting.books)
    round_ = Round(session, waiting.books, now=now)
    # Left out: books freed, or freed again, since the query above. It did not collect all the
    # waitlists of their neighbours.
    seen = {book for book, revision in freed.items() if waiting.freed.get(book) == revision}
    round_.promote(freed.keys() | waiting.asked.keys(), answered=seen)
    _answer(round_, _read_requests(session, waiting), _read_changes(session, waiting))
    return round_.close(more=waiting.more or freed.keys() != seen)


_REQUESTS_AGAIN = (
    select(*COLUMNS)
    .where(COLUMNS[0].in_(bindparam("ids", expanding=True)), COLUMNS[3] == Status.REQUESTED.value)
    .order_by(COLUMNS[0])
)


def _read_requests(session: Session, waiting: LaneWork) -> Sequence[PartyRow]:
    """Read the requests again under the lock, where no other worker can answer them."""
    if not waiting.requests:
        return ()
    return session.execute(_REQUESTS_AGAIN, {"ids": waiting.requests}).all()


def _read_changes(session: Session, waiting: LaneWork) -> Sequence[ReservationChange]:
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
    """Decide requests and changes in order of arrival."""
    parties = _read_parties(round_.session, changes)
    round_.read_guests([*requests, *parties.values()])
    asked: list[tuple[datetime, int, Any]] = [(row.created_at, 0, row) for row in requests]
    asked += [(change.created_at, 1, change) for change in changes]
    for _, kind, each in sorted(asked, key=lambda item: (item[0], item[1], item[2].id)):
        if kind:
            decide_change(round_, each, parties[each.reservation_id])
        else:
            round_.decide_request(each)
