"""Leave the list, be passed over; and the end of the list."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.entities.door import DoorEntry
from models.entities.reservations import Reservation
from models.operations.deciding.books import lock_reservation, touch_books
from models.operations.deciding.due import lock_due
from models.operations.door.calling import CLOCK
from models.operations.door.free_tables import uncall
from models.operations.door.joining import entry_of
from models.operations.reservations.history import write_move
from models.operations.reservations.repeats import ANYTHING, ActsOn, is_repeat
from models.operations.stand.steps import check_verb
from models.queries.door.waiting import waiting_rows
from models.queries.floor.load import restaurant_by_id, unreadable_restaurants
from models.rules.messages.notifying import LEFT_REASON, LIST_OVER_REASON, PASSED_REASON
from models.rules.reservations.lifecycle import DOOR, OVER_AFTER, Status
from models.rules.reservations.verbs import Verb

#: Orders a passed-over party just behind the one that goes first.
_BEHIND: Final = timedelta(microseconds=1)


def leave_list(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
) -> None:
    """Take the party off the list at the door, because it does not want to wait any longer.

    Leaving again does nothing, and nobody is sent a message. Raises NotFound, StateConflict,
    RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    if row.status == Status.CANCELLED:
        return
    if is_repeat(session, row, acts_on, reason=LEFT_REASON, actor=actor):
        return
    entry = entry_of(session, row)
    check_verb(row, Verb.LEAVE, now=now)
    uncall(session, row, entry, now=now)
    write_move(session, row, Status.CANCELLED, now=now, actor=actor, reason=LEFT_REASON)
    touch_books(session, {row.book_id: row.restaurant_id})


def pass_over(
    session: Session,
    reservation_id: int,
    *,
    why: str,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
) -> None:
    """Record why a waiting party does not get the table that comes next, and go on.

    At the door the next party in the list goes first from then on, and a call is taken back. On the
    waitlist for a date only the reason is recorded: that list keeps its order. Nobody is
    sent a message. Raises NotFound, StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    if is_repeat(session, row, acts_on, reason=PASSED_REASON, actor=actor):
        return
    check_verb(row, Verb.PASS_OVER, now=now)
    if row.source == DOOR:
        entry = entry_of(session, row)
        uncall(session, row, entry, now=now)
        following = _following(session, row, now=now)
        if following is not None:
            # a VIP that was first waits in order of arrival from then on
            entry.place_at = max(following.place_at, entry.joined_at) + _BEHIND
    detail = {"why": why}
    write_move(
        session, row, Status.WAITLISTED, now=now, actor=actor, reason=PASSED_REASON, detail=detail
    )
    touch_books(session, {row.book_id: row.restaurant_id})


def end_lists(session: Session, *, now: datetime, limit: int) -> int:
    """Expire parties left on a list long after it: the evening is over. Return how many."""
    row = Reservation
    due = (
        row.status == Status.WAITLISTED,
        row.source == DOOR,
        row.starts_at <= now - OVER_AFTER,
        row.restaurant_id.not_in(unreadable_restaurants()),
    )
    books, still = lock_due(session, due, row.starts_at, limit=limit)
    if not books:
        return 0
    again = select(row).where(*still).execution_options(populate_existing=True)
    parties = session.scalars(again).all()
    for party in parties:
        _expire(session, party, now=now)
    touch_books(session, books)
    return len(parties)


def _expire(session: Session, party: Reservation, *, now: datetime) -> None:
    entry = session.get(DoorEntry, party.id)
    if entry is not None:
        uncall(session, party, entry, now=now)
    write_move(session, party, Status.EXPIRED, now=now, actor=CLOCK, reason=LIST_OVER_REASON)


def _following(session: Session, row: Reservation, *, now: datetime) -> DoorEntry | None:
    """Return the entry just behind the party's, among those that wait for their turn."""
    restaurant = restaurant_by_id(session, row.restaurant_id)
    line = waiting_rows(session, restaurant, now=now)
    ids = [other.id for other, _ in line]
    behind = line[ids.index(row.id) + 1 :] if row.id in ids else []
    return next((entry for _, entry in behind if entry.missed_at is None), None)
