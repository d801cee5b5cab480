"""Change the size, time or area of a party that is here already: arrived, or seated."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.core.errors import FieldProblem, Invalid, NotSeated, StateConflict, sentence
from models.entities.reservations import Reservation
from models.operations.deciding.covers import first_full, own_stay
from models.operations.deciding.occupancy import (
    change_tables,
    hold_again,
    holders,
    release_from,
    stay_on,
    tables_of,
)
from models.operations.reservations.history import from_to
from models.operations.reservations.pending_changes import new_change
from models.operations.stand.party_details import clear_count
from models.operations.stand.seated_tables import refuse_if_others_sit, sit_down
from models.operations.stand.steps import move
from models.queries.deciding.boards import load_boards
from models.rules.deciding.board import STAFF_WORDS, Board, Reason
from models.rules.deciding.seating import Seats, candidates
from models.rules.messages.notifying import CHANGED_REASON
from models.rules.messages.wall_clock import offset_of
from models.rules.reservations.lifecycle import Status
from models.rules.reservations.requests import TableRequest
from models.rules.restaurant.policies import area_problem, party_problem
from models.rules.restaurant.restaurant import RestaurantSpec, split_book_id
from models.rules.restaurant.sittings import find_sitting, quarter_of
from models.rules.restaurant.turn_times import buffer_minutes, turn_minutes

_SEATED = sentence(
    "seated_extend", "the party is seated: extend its turn instead of changing its start"
)
_NOT_ITS_SHIFT = sentence(
    "not_its_shift", "must be a start of the shift in which the party is here"
)


@dataclass(frozen=True, slots=True)
class _Turn:
    """The quarters that the changed party needs, and the end of its turn."""

    first: int
    held: int
    ends_at: datetime


def change_present(
    session: Session,
    row: Reservation,
    restaurant: RestaurantSpec,
    *,
    has: TableRequest,
    asked: TableRequest,
    now: datetime,
    actor: str,
) -> None:
    """Change a party that is here; its book is locked. Nobody is notified: the guest is here.

    Pacing does not apply. A seated party keeps its table, whatever its size, unless it is to sit in
    another area; its time is the end of its turn, which is extended, not changed. A party that has
    arrived keeps its table if that serves it, else it gets one that is free from now on. Raises
    Invalid (field named), StateConflict, NotSeated.
    """
    _check(restaurant, row, has=has, asked=asked)
    turn = _turn(restaurant, row, has=has, asked=asked, now=now)
    given = tables_of(session, row.id)
    wanted = _tables(session, restaurant, row, given, asked=asked, turn=turn, now=now)
    wish = new_change(
        row, restaurant, asked, book_id=row.book_id, now=now, actor=actor, by_staff=True
    )
    if asked.party_size != has.party_size:
        clear_count(session, row)
    row.party_size, row.area_id = asked.party_size, wish.area_id
    row.tables_chosen = row.tables_chosen if wanted == given else False
    if row.status == Status.SEATED:
        _sit(session, restaurant, row, given, wanted, now=now)
    else:
        row.starts_at, row.ends_at = asked.starts_at, turn.ends_at
        row.told_offset = offset_of(restaurant, asked.starts_at)
        release_from(session, row, since=None, now=now)
        change_tables(session, row, given, wanted, now=now)
        session.flush()
        hold_again(session, restaurant, row, now=now)
    said = from_to(restaurant, given, wanted) if wanted != given else None
    move(session, row, Status(row.status), now=now, actor=actor, reason=CHANGED_REASON, detail=said)
    wish.status, wish.decided_at, wish.answered_revision = "accepted", now, row.revision
    session.add(wish)


def _sit(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    given: Seats,
    wanted: Seats,
    *,
    now: datetime,
) -> None:
    if wanted == given:
        return
    refuse_if_others_sit(session, restaurant, row, wanted)
    stay_on(session, restaurant, row, wanted, now=now)
    sit_down(session, row, wanted)
    change_tables(session, row, given, wanted, now=now)


def _check(
    restaurant: RestaurantSpec, row: Reservation, *, has: TableRequest, asked: TableRequest
) -> None:
    """Check only the fields that differ. Raises Invalid, StateConflict."""
    moves = asked.starts_at != has.starts_at
    if moves and row.status == Status.SEATED:
        raise StateConflict(_SEATED)
    wrong = {}
    if moves:
        wrong["start"] = _start_problem(restaurant, row, asked.starts_at)
    if asked.party_size != has.party_size:
        wrong["party_size"] = party_problem(restaurant, asked.party_size, online=False)
    if asked.area_key != has.area_key:
        wrong["area"] = area_problem(restaurant, asked.area_key, online=False)
    problems = tuple(FieldProblem(name, message) for name, message in wrong.items() if message)
    if problems:
        raise Invalid(problems[0].message, fields=problems)


def _start_problem(restaurant: RestaurantSpec, row: Reservation, starts_at: datetime) -> str:
    there = find_sitting(restaurant, starts_at)
    is_same = there is not None and there.book_id == row.book_id
    return "" if is_same else _NOT_ITS_SHIFT


def _turn(
    restaurant: RestaurantSpec,
    row: Reservation,
    *,
    has: TableRequest,
    asked: TableRequest,
    now: datetime,
) -> _Turn:
    shift = restaurant.shift_by_id.get(split_book_id(row.book_id)[0])
    policies, ends_at = restaurant.policies, row.ends_at
    if row.status == Status.ARRIVED and shift is not None:
        minutes = turn_minutes(policies, shift, party_size=asked.party_size)
        is_new = (asked.party_size, asked.starts_at) != (has.party_size, has.starts_at)
        ends_at = asked.starts_at + timedelta(minutes=minutes) if is_new else row.ends_at
    first = quarter_of(now)
    if row.status == Status.ARRIVED:
        first = max(first, quarter_of(asked.starts_at))
    buffer = buffer_minutes(policies, shift) if shift else policies.buffer_minutes
    last = quarter_of(ends_at + timedelta(minutes=buffer) - timedelta(microseconds=1))
    return _Turn(first, max(1, last - first + 1), ends_at)


def _tables(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    given: Seats,
    *,
    asked: TableRequest,
    turn: _Turn,
    now: datetime,
) -> Seats:
    """Return the party's tables after the change. Raises NotSeated if none is free."""
    if restaurant.covers is not None:
        _refuse_if_full(session, restaurant, row, asked=asked, turn=turn, now=now)
        return given
    area = restaurant.area_by_key[asked.area_key].id if asked.area_key else None
    stays = all(
        table in restaurant.table_by_id and area in (None, restaurant.table_by_id[table].area_id)
        for table in given
    )
    if row.status == Status.SEATED and stays:
        return given
    size = asked.party_size
    wanted = candidates(restaurant, size, area_id=area, online=False, wants=row.wants)
    board = load_boards(session, {row.book_id: restaurant}, now=now).get(row.book_id)
    if board is None:
        raise NotSeated(STAFF_WORDS[Reason.CLOSED], reason=Reason.CLOSED.value)
    if not wanted:
        raise NotSeated(STAFF_WORDS[Reason.PARTY_TOO_LARGE], reason=Reason.PARTY_TOO_LARGE.value)
    _lift(session, board, row, given, turn)
    serves = [own for own in wanted if frozenset(own) == frozenset(given)]
    seats = board.floor.first_free([*serves, *wanted], board.floor.mask(turn.first, turn.held))
    if seats is None:
        raise NotSeated(STAFF_WORDS[Reason.FULL], reason=Reason.FULL.value)
    return tuple(sorted(seats))


def _refuse_if_full(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    *,
    asked: TableRequest,
    turn: _Turn,
    now: datetime,
) -> None:
    """Raise NotSeated if there is no room for what the party does not have yet."""
    size, last = asked.party_size, turn.first + turn.held - 1
    has = own_stay(restaurant, row) if size <= row.party_size else ()
    span = {"first": turn.first, "last": last}
    full = first_full(session, restaurant, row, **span, now=now, party_size=size, has=has)
    if full is not None:
        raise NotSeated(STAFF_WORDS[Reason.FULL], reason=Reason.FULL.value)


def _lift(session: Session, board: Board, row: Reservation, given: Seats, turn: _Turn) -> None:
    """Take the party's own quarters off the board."""
    last = turn.first + turn.held - 1
    own, _blocked = holders(session, given, first=turn.first, last=last)
    for (table, quarter), party in own.items():
        if party == row.id:
            board.floor.release((table,), board.floor.mask(quarter, 1))
