"""Lock a party to its tables, so that nobody re-seats it, and unlock it."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.operations.deciding.books import lock_reservation
from models.operations.reservations.repeats import ANYTHING, ActsOn, is_repeat
from models.operations.stand.steps import move
from models.operations.tables.parties import check_holding
from models.rules.messages.notifying import LOCKED_REASON, UNLOCKED_REASON
from models.rules.reservations.lifecycle import Status


def set_lock(
    session: Session,
    reservation_id: int,
    *,
    locked: bool,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
) -> None:
    """Lock the party to its tables, or unlock it. Locking a locked party does nothing.

    No decision, no clock and no act on another party moves a locked one; an act on itself does.
    Raises NotFound, StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    check_holding(row)
    if row.tables_locked == locked:
        return
    reason = LOCKED_REASON if locked else UNLOCKED_REASON
    if is_repeat(session, row, acts_on, reason=reason, actor=actor):
        return
    row.tables_locked = locked
    move(session, row, Status(row.status), now=now, actor=actor, reason=reason)
