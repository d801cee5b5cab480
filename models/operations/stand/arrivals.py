"""Arrivals: the party arrives, is seated, leaves, or is a no-show.

Every operation may be repeated, because a host presses again or a transaction runs again: one that
is done already does nothing. `acts_on` names the state that the caller has seen.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Session

from models.core.errors import UNKNOWN_TABLE, Invalid
from models.entities.reservations import Reservation
from models.operations.deciding.books import lock_reservation
from models.operations.deciding.occupancy import (
    change_tables,
    hold_again,
    release_from,
    stay_on,
    tables_of,
    whole_turn_from,
)
from models.operations.door.seating import prepare_to_seat
from models.operations.reservations.history import from_to, write_move
from models.operations.reservations.repeats import ANYTHING, ActsOn, is_repeat
from models.operations.stand.seated_tables import refuse_if_others_sit, sit_down, stand_up
from models.operations.stand.steps import check_verb, move
from models.queries.floor.load import restaurant_by_id
from models.rules.deciding.seating import Seats
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.verbs import Verb


def arrive(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
) -> None:
    """Record that the party has arrived and waits to be seated.

    A no-show that arrives after all needs its tables to be free. Raises NotFound, StateConflict,
    RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    if _is_done(session, row, Status.ARRIVED, acts_on, reason="arrival", actor=actor):
        return
    check_verb(row, Verb.ARRIVE, now=now)
    if row.status == Status.NO_SHOW:
        hold_again(session, restaurant_by_id(session, row.restaurant_id), row, now=now)
    row.arrived_at = now
    move(session, row, Status.ARRIVED, now=now, actor=actor, reason="arrival")


def seat(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    table_ids: Seats = (),
    acts_on: ActsOn = ANYTHING,
    noted: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Seat the party at its own tables or at `table_ids`; `noted` goes into the history.

    A party seated late keeps its table correspondingly longer, until the next party's quarters; one
    seated early needs its table free from now on. A seated party moves to `table_ids`; a
    waitlisted one, at the door or for its start, is seated whatever the pacing. An occupied table
    is never taken: the error names the party that still sits there, even past its turn.
    Raises NotFound, StateConflict, RevisionConflict, and Invalid for a table of another restaurant.
    """
    row = lock_reservation(session, reservation_id)
    given = tables_of(session, row.id)
    wanted = tuple(sorted(set(table_ids))) or given
    sits = row.status == Status.SEATED
    if sits and wanted == given:
        return
    reason = "moved" if sits else "seating"
    # a party seated elsewhere than at `wanted` was not moved by this operation
    if is_repeat(session, row, acts_on, reason="" if sits else reason, actor=actor):
        return
    if not sits:
        check_verb(row, Verb.SEAT, now=now)
    restaurant = restaurant_by_id(session, row.restaurant_id)
    if not set(table_ids) <= restaurant.table_by_id.keys():
        raise Invalid.field("tables", UNKNOWN_TABLE)
    if row.status == Status.WAITLISTED:
        wanted = prepare_to_seat(session, restaurant, row, wanted, now=now)
    refuse_if_others_sit(session, restaurant, row, wanted)
    (stay_on if sits else whole_turn_from)(session, restaurant, row, wanted, now=now)
    sit_down(session, row, wanted)
    change_tables(session, row, given, wanted, now=now)
    row.seated_at = row.seated_at if sits else now
    row.arrived_at = row.arrived_at or now
    said = from_to(restaurant, given, wanted) if wanted != given else {}
    said |= noted
    move(session, row, Status.SEATED, now=now, actor=actor, reason=reason, detail=said or None)


def finish(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
) -> None:
    """Record that the party has left: its tables are free from now on.

    A party that was never seated, or was marked a no-show, may be finished too, from its start on.
    Raises NotFound, StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    if _is_done(session, row, Status.FINISHED, acts_on, reason="finish", actor=actor):
        return
    check_verb(row, Verb.FINISH, now=now)
    stand_up(session, row)
    release_from(session, row, since=now, now=now)
    row.finished_at = now
    move(session, row, Status.FINISHED, now=now, actor=actor, reason="finish")


def mark_no_show(
    session: Session,
    reservation_id: int,
    *,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
) -> None:
    """Mark the party a no-show and free its tables; not before its start.

    This also applies to a party that the clock finished at the end of the evening, unless it was
    seated. Raises NotFound, StateConflict, RevisionConflict.
    """
    row = lock_reservation(session, reservation_id)
    if _is_done(session, row, Status.NO_SHOW, acts_on, reason="no_show", actor=actor):
        return
    check_verb(row, Verb.NO_SHOW, now=now)
    row.finished_at = None
    release_from(session, row, since=None, now=now)
    move(session, row, Status.NO_SHOW, now=now, actor=actor, reason="no_show")


def end_evening(session: Session, row: Reservation, *, now: datetime, actor: str) -> None:
    """Finish a party long past its turn without a recorded outcome. Its book is already locked."""
    stand_up(session, row)
    row.finished_at = max(row.ends_at, row.arrived_at or row.ends_at)
    write_move(session, row, Status.FINISHED, now=now, actor=actor, reason="evening_over")


def _is_done(
    session: Session,
    row: Reservation,
    after: Status,
    acts_on: ActsOn,
    *,
    reason: str,
    actor: str,
) -> bool:
    """Return whether the move was made already. Raises StateConflict, RevisionConflict."""
    return row.status == after or is_repeat(session, row, acts_on, reason=reason, actor=actor)
