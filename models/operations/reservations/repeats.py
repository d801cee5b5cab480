"""Repeated operations: the state each expects, and whether it was done already."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.errors import RevisionConflict, StateConflict, sentence
from models.entities.reservations import Reservation, ReservationMove
from models.rules.reservations.lifecycle import Status


@dataclass(frozen=True, slots=True)
class ActsOn:
    """The state or the revision that the caller has seen; None: any."""

    status: Status | None = None
    revision: int | None = None


ANYTHING: Final = ActsOn()


def is_repeat(
    session: Session,
    row: Reservation,
    acts_on: ActsOn,
    *,
    reason: str | Collection[str],
    actor: str,
) -> bool:
    """Return whether this operation made the revision after the one that it acts on.

    If so, it is done and counts as successful again. Raises RevisionConflict or StateConflict if
    something else happened since.
    """
    if acts_on.revision is not None and acts_on.revision != row.revision:
        move = ReservationMove
        made = select(move.reason, move.actor).where(
            move.reservation_id == row.id, move.revision == acts_on.revision + 1
        )
        found = session.execute(made).first()
        reasons = (reason,) if isinstance(reason, str) else reason
        if found and found.reason in reasons and found.actor == actor:
            return True
        raise RevisionConflict("the reservation has changed since you read it")
    if acts_on.status is not None and acts_on.status not in (row.status, row.shown_status):
        raise StateConflict(
            sentence(
                "is_now",
                "the reservation is {state}, not {before}",
                state=row.shown_status,
                before=acts_on.status,
            )
        )
    return False


def steps_of(session: Session, reservation_id: int) -> list[ReservationMove]:
    """Return the moves that led from one state to another, in order."""
    move = ReservationMove
    query = select(move).where(move.reservation_id == reservation_id, move.before != move.after)
    return list(session.scalars(query.order_by(move.id)))
