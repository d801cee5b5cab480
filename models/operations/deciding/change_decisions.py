"""Decide change requests: a party keeps its old table until it has a new one."""

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models.entities.reservations import (
    Assignment,
    Reservation,
    ReservationChange,
    TableOccupancy,
)
from models.operations.deciding.rounds import Answer, Round
from models.operations.deciding.verdicts import Verdicts, answer_change, release_tables
from models.queries.deciding.boards import load_later
from models.queries.deciding.covers import planned_stay
from models.queries.deciding.parties import PartyRow, ask_of
from models.rules.deciding.board import Ask, Board, Outcome, Reason
from models.rules.deciding.seating import Seats
from models.rules.messages.notifying import CHANGED_REASON, REFUSED_REASON
from models.rules.messages.wall_clock import offset_of
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.approval import needs_approval
from models.rules.restaurant.features import wants_from
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import quarter_of

#: Two days of quarters: no turn is longer.
_LONGEST = 192
#: The guest was notified of these ends already, so the change is dropped. A party that has arrived,
#: left or been a no-show gets the answer "too late": every stored change is answered.
_TOLD_OTHERWISE = frozenset({Status.DECLINED, Status.CANCELLED, Status.EXPIRED})
_LATE = Reason.TOO_LATE


def decide_change(round_: Round, change: ReservationChange, party: PartyRow) -> None:
    """Accept the change if the party can be seated; else leave the reservation as it is."""
    seated = party.id in round_.verdicts.seatings  # re-seated in this round
    unsettled = party.status == Status.REQUESTED or party.id in round_.settled or seated
    if unsettled or party.book_id not in round_.locked:
        # First decide the party's request, or lock its new book: in the next round.
        round_.again = True
        return
    round_.settled.add(party.id)
    if (board := round_.boards.get(party.book_id)) is not None:
        board.movable.pop(party.id, None)
    if party.status in _TOLD_OTHERWISE:
        answer_change(round_.session, change.id, status="dropped", outcome=None, now=round_.now)
    elif party.status not in (Status.CONFIRMED, Status.WAITLISTED):
        restaurant, outcome = (
            round_.restaurants[party.restaurant_id],
            Outcome(Status.DECLINED, reason=_LATE),
        )
        _refuse(round_, restaurant, change, party, outcome)
    elif party.status == Status.CONFIRMED:
        _change_confirmed(round_, change, party)
    else:
        _change_waitlisted(round_, change, party)
    if change.awaited:
        round_.awaited.append(("change", change.id))


def _change_confirmed(round_: Round, change: ReservationChange, party: PartyRow) -> None:
    restaurant = round_.restaurants[party.restaurant_id]
    seats, held = own_quarters(round_.session, party)
    old_board, wish = round_.boards.get(party.book_id), _long_wish(round_, change, party)
    if old_board is not None:
        _set_aside(old_board, party, held, lift=True)
    outcome = _try(round_, restaurant, change, party, wish)
    if outcome.status is Status.CONFIRMED:
        last = max((quarter for _, quarter in held), default=0)
        first = min((quarter for _, quarter in held), default=0)
        release_tables(round_.session, party.id, seats, first=first, last=last)
        round_.session.execute(delete(Assignment).where(Assignment.reservation_id == party.id))
        _accept(round_, restaurant, change, party, outcome, reason=CHANGED_REASON)
        round_.freed[party.book_id] = party.restaurant_id
        if old_board is not None and old_board.waitlisted:
            round_.promote([party.book_id])  # waitlisted parties come before later requests
        return
    if old_board is not None:
        _set_aside(old_board, party, held, lift=False)
    _refuse(round_, restaurant, change, party, outcome)


def _long_wish(round_: Round, change: ReservationChange, party: PartyRow) -> Ask:
    """Return what it asks for; of a turn that the staff made longer, read the hours too."""
    board, wish = round_.boards.get(change.book_id), _wish(change, party)
    if board is not None and wish.turn_minutes is not None:
        load_later(round_.session, board, wish, now=round_.now)
    return wish


def _change_waitlisted(round_: Round, change: ReservationChange, party: PartyRow) -> None:
    restaurant = round_.restaurants[party.restaurant_id]
    old_board = round_.boards.get(party.book_id)
    if old_board is not None:
        old_board.leave_waitlist()
    outcome = _try(round_, restaurant, change, party, _wish(change, party))
    if outcome.status is Status.DECLINED:
        if old_board is not None:
            old_board.rejoin_waitlist()
        _refuse(round_, restaurant, change, party, outcome)
    else:
        _accept(round_, restaurant, change, party, outcome, reason="decision")


def _wish(change: ReservationChange, party: PartyRow) -> Ask:
    same = (change.party_size, change.area_id) == (party.party_size, party.area_id)
    confirmed = party.status == Status.CONFIRMED
    return Ask(
        party_size=change.party_size,
        quarter=quarter_of(change.starts_at),
        area_id=change.area_id,
        online=party.source == "online" and not change.by_staff,
        counted_online=party.source == "online",
        walk_in=party.source == "walk_in",
        waitlist=party.status == Status.WAITLISTED,
        turn_minutes=party.turn_minutes,
        wants=wants_from(party.wanted_features),
        has=quarter_of(party.starts_at) if same and confirmed else None,
    )


def _try(
    round_: Round, restaurant: RestaurantSpec, change: ReservationChange, party: PartyRow, wish: Ask
) -> Outcome:
    board = round_.boards.get(change.book_id)
    if board is None:
        return Outcome(Status.DECLINED, reason=Reason.CLOSED)
    moves = change.starts_at != party.starts_at and not change.by_staff
    if moves and round_.guests.conflicts(restaurant, party, at=change.starts_at):
        return Outcome(Status.DECLINED, reason=Reason.SAME_GUEST)
    # The staff may record after the start a change that was agreed at the stand.
    earliest = 0 if change.by_staff else round_.earliest
    outcome = round_.decide(board, wish, earliest=earliest, offered=round_.offered(restaurant))
    return _unapproved(board, change, party, outcome) or outcome


def _unapproved(
    board: Board, change: ReservationChange, party: PartyRow, outcome: Outcome
) -> Outcome | None:
    """Refuse what the staff would have to approve: the guest keeps the table that it has.

    A request that waits for approval may be changed, and a party become smaller.
    """
    was = (party.starts_at, party.area_id)
    smaller = (change.starts_at, change.area_id) == was and change.party_size <= party.party_size
    is_free = change.by_staff or party.approve_by or party.status != Status.CONFIRMED or smaller
    if is_free or outcome.status is not Status.CONFIRMED:
        return None
    restaurant, shift = board.restaurant, board.sitting.shift
    if not needs_approval(restaurant, shift, outcome.seats, party_size=change.party_size):
        return None
    return Outcome(Status.DECLINED, reason=Reason.APPROVAL)


def own_quarters(session: Session, party: PartyRow) -> tuple[Seats, list[tuple[int, int]]]:
    """Return the party's tables, and exactly the (table, quarter) pairs that it holds."""
    seats = tuple(
        session.scalars(
            select(Assignment.dining_table_id).where(Assignment.reservation_id == party.id)
        )
    )
    start = quarter_of(party.starts_at)
    row = TableOccupancy
    query = select(row.dining_table_id, row.quarter_hour).where(
        row.dining_table_id.in_(seats),
        row.quarter_hour.between(start - _LONGEST, start + _LONGEST),
        row.reservation_id == party.id,
    )
    return seats, [(table_id, quarter) for table_id, quarter in session.execute(query)]


def _set_aside(board: Board, party: PartyRow, held: list[tuple[int, int]], *, lift: bool) -> None:
    """Take the party's own quarters and covers off the board, or put them back."""
    for table_id, quarter in held:
        mask = board.floor.mask(quarter, 1)
        if lift:
            board.floor.release((table_id,), mask)
        else:
            board.floor.take((table_id,), mask)
    ask, stay = ask_of(party), len(planned_stay(board.restaurant, party))
    # its tables are done above; with `stay` its covers are, where there are no tables
    if lift:
        board.lift(ask, (), stay)
    else:
        board.seat(ask, (), stay)


def _accept(
    round_: Round,
    restaurant: RestaurantSpec,
    change: ReservationChange,
    party: PartyRow,
    outcome: Outcome,
    *,
    reason: str,
) -> None:
    board = round_.boards[change.book_id]
    board.apply(_wish(change, party), outcome)
    turn = timedelta(minutes=board.turn(_wish(change, party), outcome.seats))
    round_.session.execute(
        update(Reservation)
        .where(Reservation.id == party.id)
        .values(
            status=outcome.status.value,
            reason=outcome.reason.value if outcome.reason else None,
            book_id=change.book_id,
            party_size=change.party_size,
            starts_at=change.starts_at,
            ends_at=change.starts_at + turn,
            told_offset=offset_of(restaurant, change.starts_at),
            area_id=change.area_id,
            tables_chosen=False,
            tables_locked=False,
            approve_by=party.approve_by and min(party.approve_by, change.starts_at),
            alternatives=None,
            revision=Reservation.revision + 1,
        )
        .execution_options(synchronize_session=False)
    )
    verdicts: Verdicts = round_.verdicts
    if outcome.status is Status.CONFIRMED:
        if party.status == Status.WAITLISTED:
            about = board, party, outcome, reason, change.party_size, change.starts_at
            reason = round_.approvals.reason_changed(*about)
        round_.guests.confirmed(party, at=change.starts_at)
        verdicts.seated(restaurant, party.id, outcome, start=quarter_of(change.starts_at))
    verdicts.moved(restaurant, party, outcome.status, reason, starts_at=change.starts_at)
    _answer(round_, change, party, "accepted")
    round_.touched[change.book_id] = party.restaurant_id


def _refuse(
    round_: Round,
    restaurant: RestaurantSpec,
    change: ReservationChange,
    party: PartyRow,
    outcome: Outcome,
) -> None:
    """Keep the reservation as it is. Record the refusal in its history and notify the guest."""
    round_.session.execute(
        update(Reservation)
        .where(Reservation.id == party.id)
        .values(revision=Reservation.revision + 1)
        .execution_options(synchronize_session=False)
    )
    round_.verdicts.moved(
        restaurant, party, Status(party.status), REFUSED_REASON, starts_at=party.starts_at
    )
    _answer(round_, change, party, "refused", outcome)


def _answer(
    round_: Round,
    change: ReservationChange,
    party: PartyRow,
    status: str,
    outcome: Outcome | None = None,
) -> None:
    revision = party.revision + 1
    answer_change(
        round_.session,
        change.id,
        status=status,
        outcome=outcome,
        now=round_.now,
        revision=revision,
    )
    round_.answers.append(Answer("change", status, party.id, change.created_at))
