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
    """Lock the party to its tables, or unlock it; a repeat does nothing.

    Only an act on itself moves a locked party. Raises NotFound, StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    check_holding(row, now=now)
    reason = LOCKED_REASON if locked else UNLOCKED_REASON
    has = row.tables_locked == locked
    if has or is_repeat(session, row, acts_on, reason=reason, actor=actor):
        return
    row.tables_locked = locked
    move(session, row, Status(row.status), now=now, actor=actor, reason=reason)
