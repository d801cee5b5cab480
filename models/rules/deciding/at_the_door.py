"""A party at the door: seated now, whatever the hour and the pacing, if a table is free.

Neither forbids; both are warnings for the host. A table that the next party needs may be given for
a shorter turn.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Final

from models.rules.deciding.board import Ask, Board, Outcome, Reason
from models.rules.deciding.seating import Seats
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.pacing import keeps_pace, pacing_at
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import Sitting, book_quarters, local, sittings_on
from models.rules.restaurant.turn_times import QUARTER_MINUTES, buffer_minutes

#: A walk-in is seated for at least this many quarters.
SHORTEST_TURN: Final = 2
_DAY = timedelta(days=1)


class DoorWarning(StrEnum):
    """Public: the API uses these names."""

    #: more covers or parties start in this interval than the pacing allows
    PACING = "pacing"
    #: no shift offers a start now
    OUTSIDE_HOURS = "outside_hours"
    #: the next party needs the table before the turn would be over; `end` says when
    SHORT_TURN = "short_turn"


def sitting_now(restaurant: RestaurantSpec, quarter: int) -> Sitting | None:
    """The sitting to which a party that comes in this quarter belongs; None on a closed day.

    It is the last that has begun, or, before the first, the next of the day. A sitting of the day
    before counts as long as its parties may still be here.
    """
    today = local(restaurant, quarter).date()
    yesterday = [
        sitting
        for sitting in sittings_on(restaurant, today - _DAY)
        if quarter <= book_quarters(restaurant, sitting)[1]
    ]
    coming = sittings_on(restaurant, today)
    begun = [each for each in (*yesterday, *coming) if each.starts[0] <= quarter]
    if begun:
        offers = [each for each in begun if quarter in each.starts]
        return (offers or begun)[-1]
    return coming[0] if coming else None


def decide_at_the_door(board: Board, ask: Ask, *, tables: Seats = ()) -> Outcome:
    """Seat the party now, at these tables or at any that serves it. Changes nothing.

    A free table for a whole turn comes first, then one that re-seating others frees, then the
    longest shorter turn.
    """
    wanted = (tables,) if tables else board.wanted(ask)
    if not wanted:
        return Outcome(Status.DECLINED, reason=Reason.PARTY_TOO_LARGE)
    for held, some in _by_turn(board, ask, wanted):
        seats = board.first_free(ask, some, held)
        if seats is not None:
            return Outcome(Status.CONFIRMED, seats, held)
    whole = board.held(ask, tables)
    search = None
    if not tables and not board.restaurant.turns_vary:
        search = board.find_room(ask, wanted, board.floor.mask(ask.quarter, whole))
    if search is not None and search.seats:
        return Outcome(Status.CONFIRMED, search.seats, whole, moves=search.moves, search=search)
    return replace(_cut_short(board, ask, wanted, whole), search=search)


def _cut_short(board: Board, ask: Ask, wanted: tuple[Seats, ...], whole: int) -> Outcome:
    """Give the party the longest turn that is shorter than a whole one."""
    for held in _shorter(board, whole):
        seats = board.first_free(ask, wanted, held)
        if seats is not None and held <= board.held(ask, seats):
            return Outcome(Status.CONFIRMED, seats, held)
    return Outcome(Status.DECLINED, reason=Reason.FULL)


def _by_turn(
    board: Board, ask: Ask, wanted: tuple[Seats, ...]
) -> list[tuple[int, tuple[Seats, ...]]]:
    """The tables by the quarters for which such a party holds them; areas may differ."""
    if not board.restaurant.turns_vary:
        return [(board.held(ask), wanted)]
    return [(board.held(ask, seats), (seats,)) for seats in wanted]


def _shorter(board: Board, whole: int) -> Sequence[int]:
    policies, shift = board.restaurant.policies, board.sitting.shift
    buffer = -(-buffer_minutes(policies, shift) // QUARTER_MINUTES)
    return range(whole - 1, SHORTEST_TURN + buffer - 1, -1)


def door_warnings(board: Board, ask: Ask, outcome: Outcome) -> tuple[DoorWarning, ...]:
    """What the host should know, before the outcome is applied to the board."""
    pacing = pacing_at(board.restaurant, board.sitting, ask.quarter)
    load = board.pace.get(ask.quarter)
    found = {
        DoorWarning.PACING: not keeps_pace(pacing, load, ask.party_size, online=False),
        DoorWarning.OUTSIDE_HOURS: ask.quarter not in board.sitting.starts,
        DoorWarning.SHORT_TURN: outcome.held < board.held(ask, outcome.seats),
    }
    return tuple(warning for warning, holds in found.items() if holds)
