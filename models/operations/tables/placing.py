"""Carry out a plan: parties give way, turns are cut, and the act's own parties get their tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from models.core.database.bulk import bulk_insert
from models.core.database.transactions import table_of
from models.core.errors import PartyInTheWay, TableTaken, sentence
from models.entities.reservations import Assignment, Reservation, TableOccupancy
from models.operations.deciding.books import free_books
from models.operations.deciding.occupancy import REACH, end_before, hold
from models.operations.deciding.seatings import Seating
from models.operations.deciding.verdicts import release_tables
from models.operations.reservations.history import from_to, labels_of, write_move
from models.operations.stand.seated_tables import refuse_if_others_sit, sit_down, stand_up
from models.operations.tables.plans import GivesWay, TablePlan, Wish, rows_by_id
from models.rules.deciding.seating import Seats
from models.rules.messages.notifying import RESEATED_REASON, TURN_REASON
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import quarter_of


@dataclass(frozen=True, slots=True)
class Affected:
    """Another party that the act concerns: it moved, or its turn was cut.

    `before`, `after`: the labels of its tables. `ends_at`: the end of its turn after the act.
    """

    reservation_id: int
    reference: str
    party_size: int
    starts_at: datetime
    ends_at: datetime
    before: tuple[str, ...]
    after: tuple[str, ...]
    cut: bool = False


@dataclass(frozen=True, slots=True)
class TableOutcome:
    """What an act did or, as a preview, would do."""

    affected: tuple[Affected, ...] = ()
    in_the_way: tuple[PartyInTheWay, ...] = ()
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TableAct:
    """Who acts, when, for whom, and why, in the host's words."""

    now: datetime
    actor: str
    reference: str
    text: str = ""

    def detail(self, **more: Any) -> dict[str, Any]:
        """Return the detail of a move of another party."""
        return {"for": self.reference, **self.own(**more)}

    def own(self, **more: Any) -> dict[str, Any]:
        """Return the detail of the party's own move."""
        return more | ({"text": self.text} if self.text else {})


def refuse_if_impossible(restaurant: RestaurantSpec, plan: TablePlan, *, preview: bool) -> None:
    """Raise TableTaken naming each party in the way, or the tables that are not available.

    A preview's answer names the parties; it is no refusal.
    """
    if plan.in_the_way and not preview:
        said = "; ".join(_words(restaurant, each) for each in plan.in_the_way)
        raise TableTaken(said, parties=tuple(plan.in_the_way))
    if plan.blocked:
        names = ", ".join(labels_of(restaurant, plan.blocked))
        raise TableTaken(
            sentence("not_available", "not available at that time: table {tables}", tables=names)
        )


def _words(restaurant: RestaurantSpec, party: PartyInTheWay) -> str:
    at = f"{party.starts_at.astimezone(restaurant.tz):%H:%M}"
    who = f"reservation {party.reference} (party of {party.party_size}, {at})"
    where = f"table {' + '.join(party.tables)}" if party.tables else "that table"
    match party.why:
        case "seated":
            return f"{who} is still seated at {where}: move or finish it first"
        case "locked":
            return f"{who} is locked to {where}: unlock it first"
        case "no_table":
            return f"{who} has {where}, and no other table is free for it"
        case _:
            return f"{who} is here and has {where}: assign it another table first"


def affected_by(
    session: Session, restaurant: RestaurantSpec, plan: TablePlan
) -> tuple[Affected, ...]:
    """Return the other parties that a plan concerns, in order of their start."""
    moves = {each.reservation_id: each for each in plan.moves}
    rows = rows_by_id(session, {*moves, *plan.cuts})
    given = _given(session, plan.cuts)
    found = []
    for row in sorted(rows.values(), key=lambda each: (each.starts_at, each.id)):
        if (move := moves.get(row.id)) is not None:
            found.append(_affected(restaurant, row, row.ends_at, move.given, move.seats))
        if row.id in plan.cuts:
            ends_at, tables = end_before(restaurant, row, plan.cuts[row.id]), given.get(row.id, ())
            found.append(_affected(restaurant, row, ends_at, tables, tables, cut=True))
    return tuple(found)


def _affected(
    restaurant: RestaurantSpec,
    row: Reservation,
    ends_at: datetime,
    before: Seats,
    after: Seats,
    *,
    cut: bool = False,
) -> Affected:
    labels = labels_of(restaurant, before), labels_of(restaurant, after)
    return Affected(row.id, row.reference, row.party_size, row.starts_at, ends_at, *labels, cut=cut)


def carry_out(
    session: Session,
    restaurant: RestaurantSpec,
    plan: TablePlan,
    wishes: Sequence[Wish],
    act: TableAct,
) -> None:
    """Write the plan, which has nobody in the way. The caller writes the wishes' own moves."""
    others = rows_by_id(session, {*plan.cuts, *(each.reservation_id for each in plan.moves)})
    for number, first in plan.cuts.items():
        _cut(session, restaurant, others[number], first, act)
    for each in plan.moves:
        _leave(session, others[each.reservation_id], each.given)
    _place(session, restaurant, wishes, act)
    for each in plan.moves:
        _settle(session, restaurant, others[each.reservation_id], each, act)
    rows = [*others.values(), *(wish.row for wish in wishes)]
    free_books(session, {row.book_id: row.restaurant_id for row in rows}, now=act.now)


def _cut(
    session: Session, restaurant: RestaurantSpec, row: Reservation, first: int, act: TableAct
) -> None:
    tables = _given(session, [row.id]).get(row.id, ())
    ends_at = end_before(restaurant, row, first)
    if ends_at <= row.starts_at:
        words = "reservation {reference} starts at that time: nothing is left of its turn"
        raise TableTaken(sentence("starts_then", words, reference=row.reference))
    release_tables(session, row.id, tables, first=first, last=first + REACH)
    said = act.detail(end=[row.ends_at.isoformat(), ends_at.isoformat()])
    row.ends_at = ends_at
    _note(session, row, TURN_REASON, act, said)


def _leave(session: Session, row: Reservation, tables: Seats) -> None:
    start = quarter_of(row.starts_at)
    release_tables(session, row.id, tables, first=start - REACH, last=start + REACH)


def _settle(
    session: Session, restaurant: RestaurantSpec, row: Reservation, move: GivesWay, act: TableAct
) -> None:
    """Give the party that gave way its new tables."""
    seating = Seating(row.restaurant_id, row.id, move.seats, move.first, move.held)
    bulk_insert(session, table_of(TableOccupancy), seating.quarters())
    _assign(session, row, move.seats)
    row.tables_chosen = False
    said = act.detail(**from_to(restaurant, move.given, move.seats))
    _note(session, row, RESEATED_REASON, act, said)


def _place(
    session: Session, restaurant: RestaurantSpec, wishes: Sequence[Wish], act: TableAct
) -> None:
    """Give the wishes' parties their tables: first all of them leave, then all of them come."""
    for wish in wishes:
        if wish.row.status == Status.SEATED:
            stand_up(session, wish.row)
        _leave(session, wish.row, tuple(each for each in wish.given if each not in wish.seats))
    for wish in wishes:
        if wish.held:
            span = {"first": wish.first, "last": wish.last}
            hold(session, restaurant, wish.row, wish.seats, **span)
        if wish.row.status == Status.SEATED:
            refuse_if_others_sit(session, restaurant, wish.row, wish.seats)
            sit_down(session, wish.row, wish.seats)
        if wish.seats != wish.given:
            _assign(session, wish.row, wish.seats)


def _assign(session: Session, row: Reservation, seats: Seats) -> None:
    given = table_of(Assignment)
    session.execute(delete(given).where(given.c.reservation_id == row.id))
    rows = [{"reservation_id": row.id, "dining_table_id": table} for table in seats]
    session.execute(insert(given), rows)


def _note(
    session: Session, row: Reservation, reason: str, act: TableAct, detail: Mapping[str, Any]
) -> None:
    status = Status(row.status)
    write_move(session, row, status, now=act.now, actor=act.actor, reason=reason, detail=detail)


def _given(session: Session, numbers: Mapping[int, int] | Sequence[int]) -> dict[int, Seats]:
    if not numbers:
        return {}
    query = (
        select(Assignment.reservation_id, Assignment.dining_table_id)
        .where(Assignment.reservation_id.in_(list(numbers)))
        .order_by(Assignment.dining_table_id)
    )
    found: dict[int, Seats] = {}
    for number, table in session.execute(query):
        found[number] = (*found.get(number, ()), table)
    return found
