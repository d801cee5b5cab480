"""Undo a step that was recorded by mistake: an arrival, a seating, a cancellation, ..."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from models.core.errors import StateConflict, sentence
from models.entities.reservations import Reservation, ReservationMove
from models.operations.deciding.books import lock_reservation, touch_books
from models.operations.deciding.occupancy import hold_again, release_from, stay_on, tables_of
from models.operations.deciding.verdicts import Verdicts
from models.operations.door.seating import wait_again
from models.operations.messages.renotifying import requeue, withdraw_cancellation
from models.operations.reservations.repeats import ANYTHING, ActsOn, is_repeat, steps_of
from models.operations.stand.party_details import clear_count
from models.operations.stand.seated_tables import refuse_if_others_sit, sit_down, stand_up
from models.operations.stand.steps import check_verb, move
from models.queries.floor.load import restaurant_by_id
from models.rules.messages.notifying import (
    STANDS_REASON,
    TOLD,
    UNDO_REASONS,
    UNDONE_REASON,
    WAITS_REASON,
)
from models.rules.reservations.lifecycle import (
    HOLDING,
    MOVES,
    Status,
)
from models.rules.reservations.verbs import Verb
from models.rules.restaurant.restaurant import RestaurantSpec

#: Where each state came from, if the history does not say (an older release undid a step).
_CAME_FROM: Final = {
    Status.NO_SHOW: Status.CONFIRMED,
    Status.ARRIVED: Status.CONFIRMED,
    Status.SEATED: Status.ARRIVED,
    Status.FINISHED: Status.SEATED,
}
_HERE: Final = frozenset({Status.ARRIVED, Status.SEATED, Status.FINISHED})


def take_back(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
    notify: bool = True,
) -> None:
    """Undo the last step: an arrival, a seating, a finish, a no-show, a cancellation, a refusal.

    The party is again where it was before that step; its tables must be free. Steps of the stand
    are undone on the day itself, a cancellation, or a refusal of a request, within
    UNDO_CANCELLATION: if its message has not gone, nothing is sent, else the guest is told that the
    reservation stands, or the request waits, unless the staff do that (`notify=False`). Undone
    again, the step before that is undone, if the state or revision is named; without them a repeat
    does nothing until the party has moved on. Raises NotFound, StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    steps = steps_of(session, row.id)
    if steps and steps[-1].reason in UNDO_REASONS:
        taken = Status(steps[-1].before)
        if acts_on == ANYTHING or (acts_on.revision is None and acts_on.status is taken):
            return
    if is_repeat(session, row, acts_on, reason=UNDO_REASONS, actor=actor):
        return
    standing = _standing(row, steps)
    after = _before(row, standing)
    restaurant = restaurant_by_id(session, row.restaurant_id)
    if row.status in (Status.CANCELLED, Status.DECLINED):
        _reinstate(
            session, restaurant, row, after, standing[-1], now=now, actor=actor, notify=notify
        )
        return
    check_verb(row, Verb.TAKE_BACK, now=now)
    _set_back(session, restaurant, row, after, standing, now=now)
    move(session, row, after, now=now, actor=actor, reason=UNDONE_REASON)


def _standing(row: Reservation, steps: Sequence[ReservationMove]) -> list[ReservationMove]:
    """Return the steps that are not undone; the last led to the present state, else none is."""
    found: list[ReservationMove] = []
    for step in steps:
        if step.reason not in UNDO_REASONS:
            found.append(step)
        elif found:
            found.pop()
    return found if found and found[-1].after == row.status else []


def _before(row: Reservation, standing: Sequence[ReservationMove]) -> Status:
    """Return the state to go back to. Raises StateConflict."""
    status = Status(row.status)
    came_from = Status(standing[-1].before) if standing else None
    after = came_from if came_from in MOVES[status] else _CAME_FROM.get(status)
    if after is None:
        raise StateConflict(
            sentence(
                "no_undo", "a reservation that is {state} has nothing to undo", state=row.status
            )
        )
    return after


def _set_back(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    after: Status,
    standing: Sequence[ReservationMove],
    *,
    now: datetime,
) -> None:
    """Give the party the tables and times of the state `after`. Raises StateConflict."""
    before = Status(row.status)
    if before is Status.SEATED:
        stand_up(session, row)
    row.seated_at = row.seated_at if before is Status.FINISHED else None
    row.finished_at = _finished_at(row, standing) if after is Status.FINISHED else None
    if after is Status.SEATED:
        tables = tables_of(session, row.id)
        refuse_if_others_sit(session, restaurant, row, tables)
        stay_on(session, restaurant, row, tables, now=now)
        sit_down(session, row, tables)
    elif after in HOLDING and before not in HOLDING:
        hold_again(session, restaurant, row, now=now)
    elif after not in HOLDING and before in HOLDING:
        release_from(session, row, since=None, now=now)
    if after is Status.WAITLISTED:
        wait_again(session, row)
    if after not in _HERE:
        row.arrived_at = None
        clear_count(session, row)


def _finished_at(row: Reservation, standing: Sequence[ReservationMove]) -> datetime:
    """Return when a party was finished that was then, by mistake, marked a no-show."""
    finish = standing[-2] if len(standing) > 1 else None
    if finish is not None and finish.reason == "finish":
        return finish.at
    return max(row.ends_at, row.arrived_at or row.ends_at)


def _reinstate(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    after: Status,
    step: ReservationMove,
    *,
    now: datetime,
    actor: str,
    notify: bool,
) -> None:
    """Undo the cancellation or refusal `step`. Raises StateConflict if too late, or table taken."""
    check_verb(row, Verb.TAKE_BACK, now=now, cancelled_at=step.at)
    if row.forgotten_at is not None:
        raise StateConflict(sentence("undo_erased", "the guest's data were erased: book it again"))
    if after in HOLDING:
        hold_again(session, restaurant, row, now=now)
    went = withdraw_cancellation(session, row, revision=step.revision)
    is_told = went and after in TOLD
    verdicts = Verdicts(now, actor, not_notified=set() if notify else {row.id})
    again = WAITS_REASON if row.approve_by and after is Status.CONFIRMED else STANDS_REASON
    reason = again if is_told else UNDONE_REASON
    row.reason = None if after is Status.CONFIRMED else row.reason
    verdicts.moved(restaurant, row, after, reason, starts_at=row.starts_at)
    verdicts.write(session)
    row.status = after.value
    row.revision += 1
    requeue(session, row, restaurant, is_told_anew=is_told)
    touch_books(session, {row.book_id: row.restaurant_id})
