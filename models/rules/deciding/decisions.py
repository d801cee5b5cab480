"""The decision: what becomes of one party that asks for a table, given the book as it stands."""

from models.rules.deciding.board import ALWAYS, Ask, Board, Outcome, Reason, Window
from models.rules.deciding.offers import offers
from models.rules.deciding.seating import Seats
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.pacing import keeps_pace, pacing_of

ALTERNATIVES = 3


def decide(board: Board, ask: Ask, *, earliest: int, offered: Window = ALWAYS) -> Outcome:
    """Seat the party, or say why not. A confirmed party is on the board afterwards.

    `earliest`: the first quarter that may still be had; `offered`: first and last quarter that
    may be offered instead (from the lead time to the end of the booking window).
    """
    if ask.quarter not in board.sitting.starts:
        return Outcome(Status.DECLINED, reason=Reason.CLOSED)
    if ask.quarter > board.last_start(ask):
        return _declined(board, ask, Reason.CLOSED, offered)
    if ask.quarter < earliest:
        return _declined(board, ask, Reason.TOO_LATE, offered)
    wanted = board.wanted(ask)
    if not wanted:
        return Outcome(Status.DECLINED, reason=Reason.PARTY_TOO_LARGE)
    reason = try_to_seat(board, ask, wanted)
    if isinstance(reason, Outcome):
        return reason
    return no_table(board, ask, reason, offered)


def try_to_seat(board: Board, ask: Ask, wanted: tuple[Seats, ...]) -> Outcome | Reason:
    """Confirmed and on the board, or the reason why not."""
    pacing = pacing_of(board.restaurant, board.sitting.shift)
    load = board.pace.get(ask.quarter)
    if not ask.force_pacing and not keeps_pace(pacing, load, ask.party_size, online=ask.online):
        return Reason.PACING
    held = board.held(ask)
    mask = board.floor.mask(ask.quarter, held)
    seats = board.floor.first_free(wanted, mask)
    room = board.make_room(ask, wanted, mask) if seats is None else None
    seats = room.seats if room else seats
    if seats is None:
        return Reason.FULL
    board.seat(ask, seats, held)
    return Outcome(Status.CONFIRMED, seats, held, moves=room.moves if room else ())


def no_table(board: Board, ask: Ask, reason: Reason, offered: Window = ALWAYS) -> Outcome:
    """Waitlisted where that is any use, else declined with other starts."""
    policies = board.restaurant.policies
    if not (policies.waitlist and ask.waitlist) or _never_fits(board, ask):
        return _declined(board, ask, reason, offered)
    if board.waitlisted >= policies.waitlist_parties:
        return _declined(board, ask, Reason.WAITLIST_FULL, offered)
    board.waitlisted += 1
    return Outcome(Status.WAITLISTED, reason=reason)


def _never_fits(board: Board, ask: Ask) -> bool:
    """Whether even an empty interval would be too slow for this party: waiting is no use."""
    pacing = pacing_of(board.restaurant, board.sitting.shift)
    return not keeps_pace(pacing, None, ask.party_size, online=ask.online)


def _declined(board: Board, ask: Ask, reason: Reason, offered: Window) -> Outcome:
    first, last = offered
    free = offers(board, ask)
    others = [quarter for quarter in free if first <= quarter <= last and quarter != ask.has]
    nearest = sorted(others, key=lambda quarter: (abs(quarter - ask.quarter), quarter))
    return Outcome(
        Status.DECLINED, reason=reason, alternatives=tuple(sorted(nearest[:ALTERNATIVES]))
    )
