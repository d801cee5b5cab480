"""Turn times of an area: what is offered is what is decided, and the turn is its tables' own."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from models.rules.deciding.board import Ask, Board
from models.rules.deciding.decisions import decide
from models.rules.deciding.offers import offers
from models.rules.deciding.seating import Floor
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import AreaSpec, Policies, TurnTime
from models.rules.restaurant.sittings import sittings_on
from tests.rules.floors import HALL, TERRACE, a_combination, a_floor, a_table
from tests.rules.restaurants import FRIDAY, at

_PLAIN = a_floor(
    [(1, 2), (2, 4), a_table(3, 1, 2, area_id=TERRACE), a_table(4, 2, 5, area_id=TERRACE)],
    [a_combination(1, (2, 4), 4, 8)],
    policies=Policies(waitlist=False),
)
#: on the terrace two stay for half an hour, more for two and a half hours
RESTAURANT = replace(
    _PLAIN,
    areas=(
        AreaSpec(HALL, "hall", "Hall"),
        AreaSpec(TERRACE, "terrace", "Terrace", (TurnTime(2, 30), TurnTime(999, 150))),
    ),
    shifts=(replace(_PLAIN.shifts[0], ends=at("22:00"), may_run_over=False),),
)
_TURNS = {(1,): (6, 7), (2,): (6, 7), (3,): (2, 10), (4,): (2, 10), (2, 4): (10, 10)}


@given(
    taken=st.dictionaries(st.integers(1, 4), st.integers(0, 2**24 - 1)),
    party_size=st.integers(1, 5),
    area_id=st.sampled_from([None, 1, 2]),
)
def test_what_is_offered_is_what_is_decided_where_turns_vary(
    taken: dict[int, int], party_size: int, area_id: int | None
) -> None:
    (sitting,) = sittings_on(RESTAURANT, FRIDAY)
    board = Board(RESTAURANT, sitting, Floor(sitting.starts[0], taken))
    offered = set(offers(board, Ask(party_size, sitting.starts[0], area_id)))
    for quarter in sitting.starts:
        ask = Ask(party_size, quarter, area_id)
        outcome = decide(board, ask, earliest=0)
        assert (quarter in offered) == (outcome.status is Status.CONFIRMED)
        if outcome.seats:
            assert quarter + outcome.held <= (sitting.closes or 0)
            assert party_size > 4 or outcome.held == _TURNS[outcome.seats][party_size > 2]
            mask = board.floor.mask(quarter, outcome.held)
            assert not any(taken.get(each, 0) & mask for each in outcome.seats)
