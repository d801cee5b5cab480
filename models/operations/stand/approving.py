"""Requests that the staff approve: they hold their tables until they are answered, or lapse."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation
from models.operations.deciding.books import lock_reservation, touch_books
from models.operations.deciding.due import lock_lapsed
from models.operations.deciding.verdicts import Verdicts
from models.operations.reservations.changes import release_all_tables
from models.operations.reservations.pending_changes import end_pending_changes
from models.operations.reservations.repeats import ANYTHING, ActsOn, is_repeat
from models.operations.stand.steps import check_verb
from models.queries.floor.load import restaurant_by_id
from models.rules.deciding.board import Reason
from models.rules.messages.notifying import (
    APPROVED_REASON,
    NOT_APPROVED_REASON,
)
from models.rules.reservations.lifecycle import UNDO_PAUSE, Status
from models.rules.reservations.verbs import Verb

_ROWS = table_of(Reservation)
_HOLD = (
    update(_ROWS)
    .where(_ROWS.c.id.in_(bindparam("ids", expanding=True)))
    .values(approve_by=bindparam("until"))
)
CLOCK: Final = "clock"


def hold_for_approval(session: Session, until: Mapping[datetime, Sequence[int]]) -> None:
    """Set the time until which these parties, just given their tables, wait for approval."""
    for moment, ids in until.items():
        session.execute(_HOLD, {"ids": ids, "until": moment})


def approve(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
    notify: bool = True,
) -> None:
    """Confirm the request and notify its guest; do nothing if it is approved already.

    Raises NotFound, StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    if _is_answered(session, row, Status.CONFIRMED, APPROVED_REASON, actor, acts_on, now=now):
        return
    verdicts = Verdicts(now, actor, not_notified=set() if notify else {row.id})
    _record(session, row, verdicts, Status.CONFIRMED, APPROVED_REASON)
    verdicts.write(session)
    touch_books(session, {row.book_id: row.restaurant_id})


def decline(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
    notify: bool = True,
    message: str = "",
) -> None:
    """Decline the request: its tables are free, for the waitlist first, and its guest is notified.

    `message`: the host's own text in the guest's message, which waits for UNDO_PAUSE, so that an
    undo in time sends nothing. One that is declined already stays so.
    Raises NotFound, StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    if _is_answered(session, row, Status.DECLINED, NOT_APPROVED_REASON, actor, acts_on, now=now):
        return
    verdicts = Verdicts(now, actor, not_notified=set() if notify else {row.id})
    _end(session, row, verdicts, Status.DECLINED, Reason.NOT_APPROVED)
    if message:
        verdicts.moves[-1]["detail"] = {"message": message}
    for each in verdicts.messages:
        each["created_at"] = each["due_at"] = now + UNDO_PAUSE
    verdicts.write(session)


def release_unanswered(session: Session, *, now: datetime, limit: int) -> int:
    """Expire requests not answered in time; free their tables and notify them. Return how many."""
    parties = lock_lapsed(session, Reservation.approve_by, now=now, limit=limit)
    verdicts = Verdicts(now, CLOCK)
    for party in parties:
        _end(session, party, verdicts, Status.EXPIRED, Reason.UNANSWERED)
    verdicts.write(session)
    return len(parties)


def _is_answered(
    session: Session,
    row: Reservation,
    after: Status,
    reason: str,
    actor: str,
    acts_on: ActsOn,
    *,
    now: datetime,
) -> bool:
    """Return whether it has that answer already. Raises StateConflict if it waits for none."""
    is_done = row.status == after and (after is Status.DECLINED or row.approve_by is None)
    if is_done and (after is Status.CONFIRMED or row.reason == reason):
        return True
    if is_repeat(session, row, acts_on, reason=reason, actor=actor):
        return True
    check_verb(row, Verb.APPROVE if after is Status.CONFIRMED else Verb.DECLINE, now=now)
    return False


def _end(
    session: Session, row: Reservation, verdicts: Verdicts, after: Status, why: Reason
) -> None:
    """End a request that waited for approval; its verdict is yet to be written."""
    end_pending_changes(session, row.id, status="dropped", now=verdicts.now)
    release_all_tables(session, row, now=verdicts.now)
    _record(session, row, verdicts, after, why.value)
    row.reason = why.value


def _record(
    session: Session, row: Reservation, verdicts: Verdicts, after: Status, reason: str
) -> None:
    restaurant = restaurant_by_id(session, row.restaurant_id)
    verdicts.moved(restaurant, row, after, reason, starts_at=row.starts_at)
    row.status = after.value
    row.confirm_by = None
    if after is not Status.DECLINED:  # an undo brings that back
        row.approve_by = None
    row.revision += 1
