"""Offers: the starts at which a party could be seated now, with or without re-seating others."""

from collections.abc import Iterable
from dataclasses import replace

from models.rules.deciding.board import Ask, Board
from models.rules.deciding.reseating import OFFERED_CHAIN, OFFERED_STEPS, make_room
from models.rules.deciding.seating import bits
from models.rules.evening.limits import UNLIMITED
from models.rules.restaurant.pacing import keeps_pace, pacing_of


def offers(board: Board, ask: Ask) -> list[int]:
    """Every start of the sitting at which such a party could be seated now, ascending."""
    about = ask.party_size, ask.area_id, ask.online, ask.walk_in
    key = (*about, ask.turn_minutes, ask.wants.needs)
    remembered = board.offered.get(key)
    if remembered is None or remembered[0] != board.floor.version:
        remembered = board.offered[key] = (board.floor.version, _free(board, ask))
    base = board.sitting.starts[0] if board.sitting.starts else 0
    return [base + bit for bit in bits(remembered[1])]


def full_starts(board: Board, ask: Ask) -> list[int]:
    """Every start at which such a party lacks only a free table, ascending."""
    if not board.wanted(ask):
        return []
    free = set(offers(board, ask))
    return [quarter for quarter in _paced(board, ask) if quarter not in free]


def made_by_moving(board: Board, ask: Ask, starts: Iterable[int]) -> list[int]:
    """The given (full) starts at which one step of re-seating would free a table.

    Later starts may be left out once OFFERED_STEPS are spent.
    """
    if board.restaurant.covers is not None:
        return []
    taken, movable = board.floor.taken, board.movable.values()
    found, steps = [], 0
    for quarter in starts:
        # as a decision at that start: among the tables of the turn that most tables have
        varies = board.restaurant.turns_vary
        groups = board.by_turn(replace(ask, quarter=quarter) if varies else ask)
        held, wanted = max(groups, key=lambda each: len(each[1]), default=(1, ()))
        mask = board.floor.mask(quarter, held)
        room = make_room(taken, movable, wanted, mask, longest=OFFERED_CHAIN, is_exact=False)
        steps += room.steps
        if room.seats:
            found.append(quarter)
        if steps > OFFERED_STEPS:
            break
    return found


def _paced(board: Board, ask: Ask) -> list[int]:
    """The starts that have pacing left for such a party, and whose turn ends in time."""
    usual = pacing_of(board.restaurant, board.sitting.shift)
    last = board.last_start(ask)
    varies = bool(board.restaurant.date_pacing) or board.limits is not UNLIMITED

    def paced(quarter: int) -> bool:
        if varies and board.shut(ask, quarter) is not None:
            return False
        here = board.pacing(ask, quarter) if varies else usual
        return keeps_pace(here, board.pace.get(quarter), ask.party_size, online=ask.online)

    return [quarter for quarter in board.sitting.starts if quarter <= last and paced(quarter)]


def _with_room(board: Board, ask: Ask, starts: list[int]) -> list[int]:
    """Those of the starts at which the covers in the restaurant leave room for the party."""
    if board.restaurant.covers is None:
        return starts
    held = board.held(ask)
    return [each for each in starts if board.has_room(replace(ask, quarter=each), held)]


def _free(board: Board, ask: Ask) -> int:
    """The free starts as bits, counted from the sitting's first start."""
    starts = board.sitting.starts
    if not starts:
        return 0
    first, base = starts[0], board.floor.base
    paced = _with_room(board, ask, _paced(board, ask))
    if not board.restaurant.turns_vary:
        all_starts = sum(1 << (quarter - base) for quarter in paced)
        free = board.floor.free_starts(board.wanted(ask), board.held(ask), all_starts)
        return free >> (first - base)
    free = 0
    for held, wanted in board.by_turn(replace(ask, quarter=first)):
        in_time = (
            quarter
            for quarter in paced
            if board.ends_in_time(replace(ask, quarter=quarter), wanted[0])
        )
        all_starts = sum(1 << (quarter - base) for quarter in in_time)
        free |= board.floor.free_starts(wanted, held, all_starts)
    return free >> (first - base)
