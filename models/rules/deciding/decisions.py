"""The decision on one party's request for a table, given the book as it is."""

from dataclasses import replace

from models.rules.deciding.board import ALWAYS, Ask, Board, Outcome, Reason, Window
from models.rules.deciding.offers import offers
from models.rules.deciding.reseating import Room
from models.rules.deciding.seating import Seats
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.covers import most_covers
from models.rules.restaurant.pacing import keeps_pace
from models.rules.restaurant.sittings import closed_areas

ALTERNATIVES = 3


def decide(board: Board, ask: Ask, *, earliest: int, offered: Window = ALWAYS) -> Outcome:
    """Decide which tables the party gets, or why none. Changes nothing: `Board.apply` does.

    `earliest`: the first quarter that may still be booked; `offered`: first and last quarter that
    may be offered as an alternative (from the lead time to the end of the booking window).
    """
    if ask.quarter not in board.sitting.starts:
        return Outcome(Status.DECLINED, reason=Reason.CLOSED)
    if ask.quarter > board.last_start(ask):
        return _declined(board, ask, Reason.CLOSED, offered)
    if ask.quarter < earliest:
        return _declined(board, ask, Reason.TOO_LATE, offered)
    if (shut := board.shut(ask, ask.quarter)) is not None:
        return _declined(board, ask, shut, offered)
    wanted = board.wanted(ask)
    if not wanted:
        closed = ask.area_id in closed_areas(board.restaurant, board.sitting)
        reason = Reason.CLOSED if closed else Reason.PARTY_TOO_LARGE
        return Outcome(Status.DECLINED, reason=reason)
    pacing = board.pacing(ask, ask.quarter)
    load = board.pace.get(ask.quarter)
    if not ask.force_pacing and not keeps_pace(pacing, load, ask.party_size, online=ask.online):
        return no_table(board, ask, Reason.PACING, offered)
    return _at_a_table(board, ask, wanted, offered)


def _at_a_table(board: Board, ask: Ask, wanted: tuple[Seats, ...], offered: Window) -> Outcome:
    """Confirm the party at the first free table, or at one that re-seating others frees."""
    if board.restaurant.turns_vary:
        return _at_a_table_of_its_turn(board, ask, wanted, offered)
    held = board.held(ask)
    seats = board.first_free(ask, wanted, held)
    if seats is not None:
        return Outcome(Status.CONFIRMED, seats, held)
    mask = board.floor.mask(ask.quarter, held)
    return _by_moving(board, ask, board.find_room(ask, wanted, mask), held, offered)


def _by_moving(board: Board, ask: Ask, search: Room | None, held: int, offered: Window) -> Outcome:
    if search is None:
        return no_table(board, ask, Reason.FULL, offered)
    if not search.seats:
        return replace(no_table(board, ask, Reason.FULL, offered), search=search)
    return Outcome(Status.CONFIRMED, search.seats, held, moves=search.moves, search=search)


def _at_a_table_of_its_turn(
    board: Board, ask: Ask, wanted: tuple[Seats, ...], offered: Window
) -> Outcome:
    """Do the same where the turn depends on the table's area. Re-seating frees a table of one turn.

    The best of the tables comes first, whatever its turn.
    """
    for seats in wanted:
        held = board.held(ask, seats)
        is_free = board.first_free(ask, (seats,), held) is not None
        if is_free and board.ends_in_time(ask, seats):
            return Outcome(Status.CONFIRMED, seats, held)
    groups = board.by_turn(ask)
    held, group = max(groups, key=lambda each: len(each[1]), default=(1, ()))
    mask = board.floor.mask(ask.quarter, held)
    return _by_moving(board, ask, board.find_room(ask, group, mask), held, offered)


def no_table(board: Board, ask: Ask, reason: Reason, offered: Window = ALWAYS) -> Outcome:
    """Waitlist the party where that can help, else decline it with alternative starts."""
    policies = board.restaurant.policies
    if not (policies.waitlist and ask.waitlist) or _never_fits(board, ask):
        return _declined(board, ask, reason, offered)
    if board.waitlisted >= policies.waitlist_parties:
        return _declined(board, ask, Reason.WAITLIST_FULL, offered)
    return Outcome(Status.WAITLISTED, reason=reason)


def _never_fits(board: Board, ask: Ask) -> bool:
    """Whether the party exceeds what an empty interval, or restaurant, takes."""
    most = most_covers(board.restaurant, board.sitting.shift)
    if most is not None and ask.party_size > most:
        return True
    pacing = board.pacing(ask, ask.quarter)
    return not keeps_pace(pacing, None, ask.party_size, online=ask.online)


def _declined(board: Board, ask: Ask, reason: Reason, offered: Window) -> Outcome:
    first, last = offered
    free = offers(board, ask)
    others = [quarter for quarter in free if first <= quarter <= last and quarter != ask.has]
    nearest = sorted(others, key=lambda quarter: (abs(quarter - ask.quarter), quarter))
    return Outcome(
        Status.DECLINED, reason=reason, alternatives=tuple(sorted(nearest[:ALTERNATIVES]))
    )
