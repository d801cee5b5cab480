"""The benefit of re-seating: `python -m tests.bench.reseating [EVENINGS]`.

The same parties request tables of the same restaurant in the same order, without re-seating, with
chains of moves, and with the exact search; a quarter of the confirmed cancel before the next ten
requests. Prints covers seated and milliseconds per decision, compared with no re-seating.
"""

import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from models.rules.deciding.board import Ask, Board
from models.rules.deciding.reseating import Budget
from models.rules.reservations.lifecycle import Status
from tests.rules.floors import a_board, a_combination, a_floor, decide_and_apply

#: tables for 2, 4, 6 and 8, and pairs of small ones that may be joined
TABLES = [(1, 2)] * 8 + [(2, 4)] * 8 + [(3, 6)] * 3 + [(5, 8)]
JOINED = [a_combination(1, (1, 2), 3, 4), a_combination(2, (3, 4), 3, 4)]
SIZES = [1, 2, 2, 2, 2, 2, 3, 3, 4, 4, 4, 5, 6, 8]
ASKING, STARTS = 150, 13
WAYS = {"without": (False, False), "chains": (True, False), "exact too": (True, True)}


@dataclass
class Sums:
    """Totals of one method over all evenings."""

    covers: int = 0
    parties: int = 0
    moved: int = 0
    seconds: float = 0.0
    longest: float = 0.0


def main(arguments: Sequence[str]) -> int:
    evenings = int(arguments[0]) if arguments else 100
    sums = {name: Sums() for name in WAYS}
    for seed in range(evenings):
        for name, (moves, exact) in WAYS.items():
            _evening(random.Random(seed), sums[name], moves=moves, exact=exact)
    base = sums["without"]
    for name, each in sums.items():
        print(
            f"{name}: {each.covers / evenings:.1f} covers in {each.parties / evenings:.1f} parties "
            f"an evening ({each.covers / base.covers:.3f} x), {each.moved / evenings:.1f} moved; "
            f"{each.seconds / evenings / ASKING * 1e3:.2f} ms a decision, "
            f"the longest {each.longest * 1e3:.0f} ms"
        )
    return 0


def _evening(chance: random.Random, sums: Sums, *, moves: bool, exact: bool) -> None:
    board = a_board(a_floor(TABLES, JOINED))
    board.may_move, board.is_exact = moves, exact
    first = board.sitting.starts[0]
    asking = [
        (
            Ask(chance.choice(SIZES), first + chance.randrange(STARTS), waitlist=False),
            chance.random(),
        )
        for _ in range(ASKING)
    ]
    sits: dict[int, tuple[Ask, int]] = {}
    for number, (ask, luck) in enumerate(asking, 1):
        board.budget = Budget()  # each in its own round
        began = time.perf_counter()
        outcome = decide_and_apply(board, ask, earliest=0)
        taken = time.perf_counter() - began
        sums.seconds += taken
        sums.longest = max(sums.longest, taken)
        if outcome.status is Status.CONFIRMED:
            sits[number] = (ask, outcome.held)
            sums.moved += len(outcome.moves)
            board.may_be_moved(number, ask, outcome.seats, outcome.held)
        if luck < 0.25:
            _cancel_one(board, sits, number)
    sums.parties += len(sits)
    sums.covers += sum(ask.party_size for ask, _ in sits.values())


def _cancel_one(board: Board, sits: dict[int, tuple[Ask, int]], number: int) -> None:
    """Cancel the party that was confirmed first."""
    oldest = min(sits)
    ask, held = sits.pop(oldest)
    board.lift(ask, board.movable.pop(oldest).seats, held)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
