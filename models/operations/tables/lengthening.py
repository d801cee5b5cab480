"""The length of a turn: longer, shorter, or open; others at the table make way where they can."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from models.core.errors import Invalid, StateConflict, sentence
from models.entities.reservations import Reservation
from models.operations.deciding.covers import refuse_if_full
from models.operations.deciding.occupancy import REACH, last_held, tables_of
from models.operations.deciding.seatings import moment
from models.operations.deciding.verdicts import release_tables
from models.operations.reservations.history import write_move
from models.operations.reservations.repeats import ANYTHING, ActsOn, is_repeat
from models.operations.tables.parties import check_holding, end_of, lock_parties, wish_of
from models.operations.tables.placing import (
    TableAct,
    TableOutcome,
    affected_by,
    carry_out,
    refuse_if_impossible,
)
from models.operations.tables.planning import make_plan
from models.queries.deciding.boards import sitting_of
from models.queries.floor.load import restaurant_by_id
from models.rules.deciding.seating import Seats
from models.rules.messages.notifying import TURN_REASON
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import book_quarters, quarter_of

#: No turn is longer.
LONGEST: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Length:
    """The new end of a turn: a time, or minutes from the present end, or neither: open.

    An open turn ends when the restaurant closes the shift.
    """

    until: datetime | None = None
    minutes: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether the party may stay as long as the shift lasts."""
        return self.until is None and self.minutes is None


def change_turn(
    session: Session,
    reservation_id: int,
    *,
    length: Length,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
    text: str = "",
    preview: bool = False,
) -> TableOutcome:
    """Let the party stay longer or shorter. Parties that it pushes are re-seated where they can be.

    `minutes` count from the end of its turn, or from now if it overstays. `preview`: change
    nothing; the outcome names whom it pushes, and who is in the way. The end that it has already
    does nothing. Raises NotFound, Invalid, StateConflict, RevisionConflict, and TableTaken.
    """
    (row,) = lock_parties(session, [reservation_id], (), now=now)
    check_holding(row, now=now)
    if is_repeat(session, row, acts_on, reason=TURN_REASON, actor=actor):
        return TableOutcome(ends_at=row.ends_at)
    restaurant = restaurant_by_id(session, row.restaurant_id)
    ends_at = _new_end(restaurant, row, length, now=now)
    if ends_at == row.ends_at:
        return TableOutcome(ends_at=ends_at)
    tables, before = tables_of(session, row.id), row.ends_at
    wish = wish_of(session, restaurant, row, now=now, ends_at=ends_at)
    refuse_if_full(session, restaurant, row, first=wish.first, last=wish.last, now=now)
    plan = make_plan(session, restaurant, [wish], now=now)
    refuse_if_impossible(restaurant, plan, preview=preview)
    affected = affected_by(session, restaurant, plan)
    if preview:
        return TableOutcome(affected, tuple(plan.in_the_way), ends_at)
    act = TableAct(now, actor, row.reference, text)
    row.ends_at = ends_at
    _release_after(session, restaurant, row, tables)
    carry_out(session, restaurant, plan, [wish], act)
    said = act.own(end=[before.isoformat(), ends_at.isoformat()])
    said |= {"open": True} if length.is_open else {}
    status = Status(row.status)
    write_move(session, row, status, now=now, actor=actor, reason=TURN_REASON, detail=said)
    return TableOutcome(affected, ends_at=ends_at)


def _release_after(
    session: Session, restaurant: RestaurantSpec, row: Reservation, tables: Seats
) -> None:
    """Free what the party does not need any more."""
    last = last_held(restaurant, row, row.ends_at)
    release_tables(session, row.id, tables, first=last + 1, last=last + REACH)


def _new_end(
    restaurant: RestaurantSpec, row: Reservation, length: Length, *, now: datetime
) -> datetime:
    """Return the new end. Raises Invalid, StateConflict."""
    if length.is_open:
        return _closing(restaurant, row, now=now)
    if length.until is not None:
        name, ends_at = "until", length.until
    else:
        name, ends_at = "minutes", end_of(row, now=now) + timedelta(minutes=length.minutes or 0)
    if ends_at <= row.starts_at or ends_at <= now:
        words = "must end the turn later than its start, and later than now"
        raise Invalid.field(name, sentence("turn_too_short", words))
    if ends_at - row.starts_at > LONGEST:
        hours = LONGEST // timedelta(hours=1)
        words = "must not make the turn longer than {hours} hours"
        raise Invalid.field(name, sentence("turn_too_long", words, hours=hours))
    return ends_at


def _closing(restaurant: RestaurantSpec, row: Reservation, *, now: datetime) -> datetime:
    """Return the end of its shift, or what it has if that is later."""
    sitting = sitting_of(restaurant, row.book_id)
    if sitting is None:
        raise StateConflict(
            sentence(
                "closed_then", "the restaurant is closed then: name the end of the turn instead"
            )
        )
    closes = sitting.closes or book_quarters(restaurant, sitting)[1] + 1
    return max(moment(closes), end_of(row, now=now), moment(quarter_of(now) + 1))
