"""Undo a no-show, a seating or a finish that was recorded by mistake."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.entities.reservations import Reservation
from models.operations.deciding.books import lock_reservation
from models.operations.deciding.occupancy import hold_again, stay_on, tables_of
from models.operations.reservations.repeats import ANYTHING, ActsOn, is_repeat, last_step
from models.operations.stand.seated_tables import refuse_if_others_sit, sit_down, stand_up
from models.operations.stand.steps import check_day, move
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.lifecycle import Status

REASON = "taken_back"


def take_back(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
) -> None:
    """Undo a no-show, a seating or a finish, on the day itself and while the tables are free.

    A repeat does nothing: a call without a state and a revision undoes nothing a second time until
    the party has moved on. To undo two steps, name the state or revision that each undoes. Raises
    NotFound, StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    step = last_step(session, row.id)
    if step is not None and step.reason == REASON:
        taken = Status(step.before)
        if acts_on == ANYTHING or (acts_on.revision is None and acts_on.status is taken):
            return
    if is_repeat(session, row, acts_on, reason=REASON, actor=actor):
        return
    after = _before(row, Status(step.before) if step else None)
    check_day(row, now=now)
    _set_back(session, row, after, now=now)
    move(session, row, after, now=now, actor=actor, reason=REASON)


def _before(row: Reservation, came_from: Status | None) -> Status:
    """Return the state to go back to. Raises StateConflict."""
    match Status(row.status):
        case Status.NO_SHOW:
            return Status.CONFIRMED
        case Status.SEATED:
            return Status.ARRIVED
        case Status.FINISHED:  # the clock also finishes parties that were never seated
            return came_from or Status.SEATED
        case _:
            raise StateConflict(f"a reservation that is {row.status} has nothing to undo")


def _set_back(session: Session, row: Reservation, after: Status, *, now: datetime) -> None:
    restaurant = restaurant_by_id(session, row.restaurant_id)
    if row.status == Status.FINISHED:
        row.finished_at = None
    if after is Status.SEATED:
        tables = tables_of(session, row.id)
        refuse_if_others_sit(session, restaurant, row, tables)
        stay_on(session, restaurant, row, tables, now=now)
        sit_down(session, row, tables)
    elif row.status == Status.SEATED:
        stand_up(session, row)
        row.seated_at = None
    elif after is not Status.NO_SHOW:
        hold_again(session, restaurant, row, now=now)
        if row.status == Status.NO_SHOW:
            row.arrived_at = None
