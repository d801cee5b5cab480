"""Confirming: the staff give a waitlisted party a table that is free after all."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.operations.deciding.books import lock_reservation
from models.operations.deciding.rounds import Round
from models.operations.reservations.booking import seat_now
from models.operations.reservations.repeats import ANYTHING, ActsOn, is_repeat
from models.rules.reservations.lifecycle import DOOR, Status

REASON = "promotion"


def confirm_waitlisted(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
) -> None:
    """Give a waitlisted party a table, by every rule except the lead time.

    The lead time does not apply because the staff asked. The guest is notified. Raises NotFound,
    StateConflict, RevisionConflict, NotSeated.
    """
    row = lock_reservation(session, reservation_id)
    if row.status == Status.CONFIRMED:
        return
    if is_repeat(session, row, acts_on, reason=REASON, actor=actor):
        return
    if row.status != Status.WAITLISTED:
        raise StateConflict(f"a reservation that is {row.status} is not on the waitlist")
    if row.source == DOOR:
        raise StateConflict("the party waits at the door: call it to a table, or seat it")
    round_ = Round(session, {row.book_id: row.restaurant_id}, now=now, actor=actor)
    seat_now(round_, row.id, reason=REASON)
