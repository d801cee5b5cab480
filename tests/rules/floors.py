"""Restaurants with tables, boards on them, and slow reference answers for seatings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from hypothesis import strategies as st

from models.rules.deciding.board import ALWAYS, Ask, Board, Outcome, Window
from models.rules.deciding.decisions import decide
from models.rules.deciding.seating import Floor, Seats
from models.rules.restaurant.restaurant import (
    AreaSpec,
    CombinationSpec,
    Pacing,
    Policies,
    RestaurantSpec,
    TableSpec,
)
from models.rules.restaurant.sittings import sittings_on
from tests.rules.restaurants import FRIDAY, a_restaurant, a_shift

HALL, TERRACE = 1, 2
UNPACED = Pacing(covers=None)

Tables = Sequence[tuple[int, int] | TableSpec]


def a_table(number: int, least: int, most: int, **more: object) -> TableSpec:
    """Table `number` in the hall, for parties of `least`..`most`."""
    table = TableSpec(number, f"T{number}", HALL, least, most)
    return replace(table, **more)  # type: ignore[arg-type]


def a_combination(number: int, members: Iterable[int], least: int, most: int) -> CombinationSpec:
    """Tables that may be joined for parties of `least`..`most`."""
    return CombinationSpec(number, f"C{number}", tuple(members), least, most)


def a_floor(
    tables: Tables,
    combinations: Iterable[CombinationSpec] = (),
    *,
    policies: Policies | None = None,
    pacing: Pacing = UNPACED,
    first: str = "18:00",
    last: str = "21:00",
) -> RestaurantSpec:
    """A restaurant with tables 1, 2, ... and dinner every day; unpaced by default."""
    rows = [
        table if isinstance(table, TableSpec) else a_table(number, *table)
        for number, table in enumerate(tables, 1)
    ]
    shift = replace(a_shift(first, last, shift_id=1), pacing=pacing)
    areas = (AreaSpec(HALL, "hall", "Hall"), AreaSpec(TERRACE, "terrace", "Terrace"))
    restaurant = a_restaurant(shift, policies=policies)
    return replace(restaurant, areas=areas, tables=tuple(rows), combinations=tuple(combinations))


def a_board(restaurant: RestaurantSpec, day: date = FRIDAY) -> Board:
    """The empty book of the restaurant's first shift on a date."""
    sitting = sittings_on(restaurant, day)[0]
    return Board(restaurant, sitting, Floor(sitting.starts[0], {}))


def copy_of(board: Board) -> Board:
    """A copy of the board for experiments."""
    floor = Floor(board.floor.base, dict(board.floor.taken))
    pace = {quarter: replace(load) for quarter, load in board.pace.items()}
    return Board(board.restaurant, board.sitting, floor, pace, board.waitlisted)


@dataclass(slots=True)
class Ledger:
    """The used quarters as a set of (table, quarter): a slow and simple reference."""

    held: set[tuple[int, int]] = field(default_factory=set)

    def is_free(self, seats: Seats, quarter: int, quarters: int) -> bool:
        """Whether all the tables are free for `quarters` quarters from `quarter` on."""
        return not self.held & _pairs(seats, quarter, quarters)

    def take(self, seats: Seats, quarter: int, quarters: int) -> None:
        """Add a seating. Fails when a quarter is taken."""
        assert self.is_free(seats, quarter, quarters), "a table twice at once"
        self.held |= _pairs(seats, quarter, quarters)


def _pairs(seats: Seats, quarter: int, quarters: int) -> set[tuple[int, int]]:
    return {(table, each) for table in seats for each in range(quarter, quarter + quarters)}


def fits(restaurant: RestaurantSpec, seats: Seats, ask: Ask) -> bool:
    """Whether these tables are one table or one combination that takes the party at all."""
    tables = [restaurant.table_by_id[number] for number in seats]
    if ask.area_id is not None and any(table.area_id != ask.area_id for table in tables):
        return False
    if ask.online and not all(table.online for table in tables):
        return False
    ranges = [(table.min_party, table.max_party) for table in tables if len(tables) == 1]
    ranges += [
        (each.min_party, each.max_party)
        for each in restaurant.combinations
        if each.table_ids == seats
    ]
    return any(least <= ask.party_size <= most for least, most in ranges)


def decide_and_apply(
    board: Board, ask: Ask, *, earliest: int = 0, offered: Window = ALWAYS
) -> Outcome:
    """As a round does with each party: decide, count the searched steps, apply the outcome."""
    outcome = decide(board, ask, earliest=earliest, offered=offered)
    board.count_search(ask, outcome)
    board.apply(ask, outcome)
    return outcome


_SPANS = st.tuples(st.integers(1, 6), st.integers(0, 4)).map(lambda span: (span[0], sum(span)))
_TABLE = st.tuples(_SPANS, st.sampled_from([HALL, TERRACE]), st.integers(0, 2), st.booleans())
_LIMITS = st.none() | st.integers(1, 12)


@st.composite
def restaurants(draw: st.DrawFn, pacing: Pacing | None = None) -> RestaurantSpec:
    """Up to six tables in two areas, some in-house only; up to two combinations; any pacing."""
    rows = draw(st.lists(_TABLE, min_size=1, max_size=6))
    tables = [
        a_table(number, *span, area_id=area, priority=priority, online=online)
        for number, (span, area, priority, online) in enumerate(rows, 1)
    ]
    members = st.lists(st.integers(1, len(rows)), min_size=2, max_size=3, unique=True)
    joined = draw(st.lists(st.tuples(members, _SPANS), max_size=2)) if len(rows) > 1 else []
    combinations = [
        a_combination(number, sorted(some), *span) for number, (some, span) in enumerate(joined, 1)
    ]
    limits = pacing or Pacing(draw(_LIMITS), draw(_LIMITS), draw(_LIMITS))
    policies = Policies(waitlist=draw(st.booleans()), waitlist_parties=draw(st.integers(0, 3)))
    return a_floor(tables, combinations, policies=policies, pacing=limits)


def asks(first: int, quarters: int = 13) -> st.SearchStrategy[Ask]:
    """Requests for one of the quarters from `first` on."""
    return st.builds(
        Ask,
        party_size=st.integers(1, 12),
        quarter=st.integers(first, first + quarters - 1),
        area_id=st.sampled_from([None, HALL, TERRACE]),
        online=st.booleans(),
        waitlist=st.booleans(),
        force_pacing=st.just(False),
    )
