"""Walk-ins: a party in the door is recorded and seated in one step, with or without a name."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.errors import UNKNOWN_TABLE, FieldProblem, Invalid, NotSeated, sentence
from models.core.secrets.signing import new_reference
from models.entities.reservations import Reservation
from models.operations.deciding.books import lock_books
from models.operations.deciding.rounds import Round
from models.operations.deciding.seatings import moment
from models.operations.reservations.booking import (
    Accepted,
    check_chosen,
    insert_row,
    new_row,
    note_consent,
    replayed,
)
from models.operations.reservations.idempotency_keys import claim_key
from models.operations.stand.arrivals import seat
from models.operations.tables.forcing import NO_FORCE, Force
from models.queries.deciding.boards import load_hours
from models.queries.deciding.parties import COLUMNS, ask_of
from models.rules.deciding.at_the_door import DoorWarning, door_warnings, sitting_now
from models.rules.deciding.board import STAFF_WORDS, Reason
from models.rules.deciding.seating import Seats
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.requests import TableRequest
from models.rules.restaurant.policies import area_problem, party_problem
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import Sitting, quarter_of


def seat_walk_in(
    session: Session,
    restaurant: RestaurantSpec,
    *,
    request: TableRequest,
    key: str,
    body: bytes,
    now: datetime,
    actor: str,
    table_ids: Seats = (),
    force: Force = NO_FORCE,
    notify: bool = True,
) -> tuple[Accepted, tuple[DoorWarning, ...]]:
    """Record a party that is here without a reservation, and seat it; `request.starts_at` is now.

    Neither the hours nor the pacing forbid it; the warnings say what is exceeded. If the next party
    needs the table, the turn is shorter, but not less than half an hour. `table_ids`: these tables;
    a party that is larger than they seat needs `force`. Without a name, `request.guest.name` is
    empty. Raises Invalid, KeyReused, KeyInFlight, NotSeated, TooLarge.
    """
    reference, connection = new_reference(), session.connection()
    before = claim_key(
        connection, f"{actor}:{restaurant.id}", key, body=body, reference=reference, now=now
    )
    if before is not None:
        return replayed(connection, before), ()
    request = replace(request, starts_at=moment(quarter_of(now)))
    sitting = _check(restaurant, request, table_ids)
    check_chosen(restaurant, request, table_ids, force)
    books = {sitting.book_id: restaurant.id}
    lock_books(session, books)
    row = new_row(restaurant, sitting, request, reference=reference, now=now)
    note_consent(connection, restaurant, request, now=now)
    row |= {"source": "walk_in", "tables_chosen": bool(table_ids)}
    number = insert_row(connection, row)
    round_ = Round(session, books, now=now, actor=actor)
    round_.verdicts.not_notified |= set() if notify else {number}
    warnings = _confirm(round_, number, table_ids)
    # the pacing does not bind it: nothing was overbooked
    noted = replace(force, overbook=False).detail()
    seat(session, number, now=now, actor=actor, noted=noted)
    if DoorWarning.PACING in warnings:
        session.get_one(Reservation, number).pacing_forced = True
    return Accepted(number, reference, row["link_secret"]), warnings


def _check(restaurant: RestaurantSpec, request: TableRequest, table_ids: Seats) -> Sitting:
    sitting = sitting_now(restaurant, quarter_of(request.starts_at))
    is_known = set(table_ids) <= restaurant.table_by_id.keys()
    wrong = {
        "party_size": party_problem(restaurant, request.party_size, online=False),
        "area": area_problem(restaurant, request.area_key, online=False),
        "tables": "" if is_known else UNKNOWN_TABLE,
        "start": "" if sitting else sentence("closed_today", "the restaurant is closed today"),
    }
    problems = tuple(FieldProblem(name, message) for name, message in wrong.items() if message)
    if sitting is None or problems:
        raise Invalid(problems[0].message, fields=problems)
    return sitting


def _confirm(round_: Round, number: int, table_ids: Seats) -> tuple[DoorWarning, ...]:
    """Give the party a table in this round, whose book is locked. Raises NotSeated."""
    row = round_.session.execute(select(*COLUMNS).where(Reservation.id == number)).one()
    board = round_.boards.get(row.book_id)
    if board is None:  # closed since the caller read the restaurant
        raise NotSeated(STAFF_WORDS[Reason.CLOSED], reason=Reason.CLOSED.value)
    ask = replace(ask_of(row), waitlist=False)
    load_hours(round_.session, board, ask, now=round_.now)
    outcome = round_.decide_at_the_door(board, ask, tables=tuple(dict.fromkeys(table_ids)))
    if outcome.status is not Status.CONFIRMED:
        why = outcome.reason or Reason.FULL
        raise NotSeated(STAFF_WORDS[why], reason=why.value)
    warnings = door_warnings(board, ask, outcome)
    round_.settle(board.restaurant, row, outcome, reason="decision")
    round_.close(more=False)
    return warnings
