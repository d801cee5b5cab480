"""Assign tables to a party, before or after it arrives; others make way where they can."""

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from models.core.errors import UNKNOWN_TABLE, Invalid, StateConflict, sentence
from models.entities.reservations import Reservation
from models.operations.reservations.history import from_to, write_move
from models.operations.reservations.repeats import ANYTHING, ActsOn, is_repeat
from models.operations.tables.forcing import NO_FORCE, Force, refuse_too_large
from models.operations.tables.parties import check_holding, end_of, lock_parties, wish_of
from models.operations.tables.placing import (
    TableAct,
    TableOutcome,
    affected_by,
    carry_out,
    refuse_if_impossible,
)
from models.operations.tables.planning import make_plan
from models.operations.tables.plans import Wish
from models.queries.floor.load import restaurant_by_id
from models.rules.deciding.seating import Seats
from models.rules.messages.notifying import ASSIGNED_REASON, SWAPPED_REASON
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.verbs import Verb, refusal
from models.rules.restaurant.restaurant import RestaurantSpec

#: A seated party that gets other tables has moved.
_MOVED: Final = "moved"


def assign_tables(
    session: Session,
    reservation_id: int,
    *,
    table_ids: Seats,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
    force: Force = NO_FORCE,
    lock: bool = False,
    preview: bool = False,
) -> TableOutcome:
    """Give the party these tables, joined as the host likes; a seated party moves there.

    Parties that have not come make way if other tables are free for them; the outcome names each.
    With `lock` the party is locked to the tables as well. `preview`: change nothing. The same
    tables again do nothing. Raises NotFound, Invalid, StateConflict, RevisionConflict, and
    TableTaken naming who is in the way.
    """
    wanted = tuple(sorted(set(table_ids)))
    (row,) = lock_parties(session, [reservation_id], wanted, now=now)
    check_holding(row, now=now)
    restaurant = restaurant_by_id(session, row.restaurant_id)
    check_tables(restaurant, wanted)
    wish = wish_of(session, restaurant, row, wanted, now=now)
    if _has(wish, lock=lock):
        return TableOutcome(ends_at=row.ends_at)
    reason = _MOVED if row.status == Status.SEATED else ASSIGNED_REASON
    if is_repeat(session, row, acts_on, reason=reason, actor=actor):
        return TableOutcome(ends_at=row.ends_at)
    _refuse_too_large(restaurant, row, wanted, force)
    plan = make_plan(session, restaurant, [wish], now=now, may_cut=force.overlap)
    refuse_if_impossible(restaurant, plan, preview=preview)
    affected = affected_by(session, restaurant, plan)
    if preview:
        return TableOutcome(affected, tuple(plan.in_the_way), end_of(row, now=now))
    act = TableAct(now, actor, row.reference, force.text)
    row.ends_at = end_of(row, now=now)
    carry_out(session, restaurant, plan, [wish], act)
    row.tables_chosen, row.tables_locked = True, lock or row.tables_locked
    said = act.own(**from_to(restaurant, wish.given, wanted), **force.names())
    said |= {"locked": True} if lock else {}
    write_move(session, row, Status(row.status), now=now, actor=actor, reason=reason, detail=said)
    return TableOutcome(affected, ends_at=row.ends_at)


def _has(wish: Wish, *, lock: bool) -> bool:
    """Whether the party has the tables already. Who wants it to keep them locks it."""
    return wish.seats == wish.given and (wish.row.tables_locked or not lock)


def check_tables(restaurant: RestaurantSpec, tables: Seats) -> None:
    """Raise Invalid unless there are tables, all of this restaurant."""
    if not tables:
        raise Invalid.field("tables", sentence("not_empty", "must not be empty"))
    if not set(tables) <= restaurant.table_by_id.keys():
        raise Invalid.field("tables", UNKNOWN_TABLE)


def _refuse_too_large(
    restaurant: RestaurantSpec, row: Reservation, seats: Seats, force: Force
) -> None:
    who = f"reservation {row.reference}"
    refuse_too_large(restaurant, seats, party_size=row.party_size, who=who, force=force)


def swap_tables(
    session: Session,
    reservation_id: int,
    *,
    other_id: int,
    now: datetime,
    actor: str,
    acts_on: ActsOn = ANYTHING,
    force: Force = NO_FORCE,
    preview: bool = False,
) -> TableOutcome:
    """Exchange the tables of two parties, whether they are here or not.

    Other parties at these tables make way as for `assign_tables`. A repeat does nothing if it names
    the revision that it acts on; without one, the parties exchange their tables again. Raises
    NotFound, Invalid, StateConflict, RevisionConflict, and TableTaken naming who is in the way.
    """
    if other_id == reservation_id:
        raise Invalid.field("with", sentence("swap_same", "must be another reservation"))
    row, other = lock_parties(session, [reservation_id, other_id], (), now=now)
    if other.restaurant_id != row.restaurant_id:
        elsewhere = sentence("swap_elsewhere", "is not a reservation of this restaurant")
        raise Invalid.field("with", elsewhere)
    for each in (row, other):
        check_holding(each, now=now)
    restaurant = restaurant_by_id(session, row.restaurant_id)
    if is_repeat(session, row, acts_on, reason=SWAPPED_REASON, actor=actor):
        return TableOutcome(ends_at=row.ends_at)
    wishes = _exchanged(session, restaurant, row, other, now=now)
    for wish in wishes:
        _refuse_too_large(restaurant, wish.row, wish.seats, force)
    plan = make_plan(session, restaurant, wishes, now=now, may_cut=force.overlap)
    refuse_if_impossible(restaurant, plan, preview=preview)
    affected = affected_by(session, restaurant, plan)
    if preview:
        return TableOutcome(affected, tuple(plan.in_the_way), end_of(row, now=now))
    act = TableAct(now, actor, row.reference, force.text)
    for wish in wishes:
        wish.row.ends_at = end_of(wish.row, now=now)
    carry_out(session, restaurant, plan, wishes, act)
    for wish, partner in zip(wishes, (other, row), strict=True):
        wish.row.tables_chosen = True
        said = from_to(restaurant, wish.given, wish.seats)
        detail = {"with": partner.reference} | act.own(**said, **force.names())
        status = Status(wish.row.status)
        write_move(
            session, wish.row, status, now=now, actor=actor, reason=SWAPPED_REASON, detail=detail
        )
    return TableOutcome(affected, ends_at=row.ends_at)


def _exchanged(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    other: Reservation,
    *,
    now: datetime,
) -> list[Wish]:
    """Return what both parties need at each other's tables. Raises StateConflict."""
    for each in (row, other):
        if said := refusal(Verb.SWAP, each, now=now):
            words = f"reservation {{reference}} {said}"
            raise StateConflict(sentence("is_locked", words, reference=each.reference))
    mine = wish_of(session, restaurant, row, now=now)
    theirs = wish_of(session, restaurant, other, now=now)
    return [
        wish_of(session, restaurant, row, theirs.given, now=now),
        wish_of(session, restaurant, other, mine.given, now=now),
    ]
