"""Confirming: the staff give a waitlisted party a table that is free after all."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.operations.deciding.books import lock_reservation
from models.operations.deciding.rounds import Round
from models.operations.reservations.booking import seat_now
from models.operations.reservations.repeats import ANYTHING, ActsOn, is_repeat
from models.operations.stand.steps import check_verb
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.verbs import Verb

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
    check_verb(row, Verb.CONFIRM, now=now)
    round_ = Round(session, {row.book_id: row.restaurant_id}, now=now, actor=actor)
    seat_now(round_, row.id, reason=REASON)
