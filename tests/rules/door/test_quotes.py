"""The quoted wait: what the simulation of the floor promises, for any floor and any list."""

from hypothesis import given
from hypothesis import strategies as st

from models.rules.door.plays import BEGUN, LONGEST, PLAYS, Planned, Play, Stay, Waiting
from models.rules.door.quotes import STEP, Quote, newcomer_quotes, quotes
from models.rules.door.turns import USUAL, Turns, turns_from

TABLES = range(1, 6)
SEATS = st.lists(st.sampled_from(TABLES), min_size=1, max_size=2, unique=True).map(
    lambda tables: tuple(sorted(tables))
)
TURNS = st.integers(15, 150)


@st.composite
def stays(draw: st.DrawFn) -> Stay:
    """A seated party, or one that is to come."""
    turn, seated = draw(TURNS), draw(st.booleans())
    begins = draw(st.integers(-180, 0) if seated else st.integers(-30, 180))
    return Stay(draw(SEATS), begins, begins + turn, seated, draw(st.sampled_from((0, 15))))


#: each size of party has its tables and its turn
WAITING = st.builds(Waiting, st.lists(SEATS, max_size=4, unique=True).map(tuple), TURNS)
FLOORS = st.lists(stays(), max_size=8)
LISTS = st.lists(WAITING, max_size=10)


def seated(*tables: int, ends: int, turn: int = 90) -> Stay:
    return Stay(tables, ends - turn, ends, is_seated=True)


def coming(*tables: int, begins: int, turn: int = 90) -> Stay:
    return Stay(tables, begins, begins + turn, is_seated=False)


def two(*tables: int) -> Waiting:
    return Waiting(tuple((table,) for table in tables), 90)


def test_a_free_table_is_no_wait() -> None:
    assert quotes([], [two(1)]) == [Quote(0, 0)]


def test_the_wait_is_until_the_party_that_sits_there_leaves() -> None:
    assert quotes([seated(1, ends=22)], [two(1)]) == [Quote(15, 35)]


def test_a_party_past_its_turn_is_expected_to_leave_within_minutes() -> None:
    assert quotes([seated(1, ends=-40)], [two(1)]) == [Quote(5, 15)]


def test_the_party_ahead_has_the_table_first() -> None:
    first, second = quotes([], [two(1), two(1)])
    assert (first, second) == (Quote(0, 0), Quote(75, 105))


def test_a_gap_before_a_reservation_is_used_only_by_a_turn_that_fits() -> None:
    needed = 90 - BEGUN
    found = quotes([coming(1, begins=needed - 1)], [two(1)])[0]
    assert found is not None
    assert found.low > needed
    assert quotes([coming(1, begins=needed)], [two(1)])[0] == Quote(0, 0)


def test_the_time_to_reset_a_table_is_part_of_the_wait() -> None:
    without = quotes([Stay((1,), -60, 30, is_seated=True)], [two(1)])[0]
    found = quotes([Stay((1,), -60, 30, is_seated=True, buffer=15)], [two(1)])[0]
    assert without is not None
    assert found is not None
    assert found.low >= without.low + 10


def test_the_more_tables_may_be_free_the_sooner_one_is() -> None:
    """All end in 22 minutes as planned; of eight, the first is free well before that."""
    [one] = quotes([seated(1, ends=22)], [two(1)])
    [many] = quotes([seated(table, ends=22) for table in range(1, 9)], [two(*range(1, 9))])
    assert one is not None
    assert many is not None
    assert many.high < one.high
    assert many.low < one.low


def test_a_block_ends_as_planned() -> None:
    block = Stay((1,), -10, 60, is_seated=False, is_fixed=True)
    assert quotes([block], [two(1)]) == [Quote(60, 65)]


def test_a_party_whose_table_is_not_free_moves_to_another() -> None:
    """The seated party stays beyond the other's start; then that one has the second table."""
    sits, comes = seated(1, ends=60), coming(1, begins=10)
    stays = comes.seats, comes.begins, comes.ends
    free = [Play(number, USUAL).floor([sits, comes]).get(2) for number in range(PLAYS)]
    moves = Stay(*stays, is_seated=False, others=((1,), (2,)))
    taken = [Play(number, USUAL).floor([sits, moves]).get(2) for number in range(PLAYS)]
    assert not any(free)
    assert any(taken)


def test_turns_are_learnt_from_a_restaurants_evenings() -> None:
    assert turns_from([]) == USUAL
    few, many = turns_from([0.8] * 5), turns_from([0.8] * 500)
    assert 0.8 < many.middle < few.middle < 1
    assert turns_from([9.0, 0.01] * 50) == USUAL
    stay, party = seated(1, ends=40), [two(1)]
    usual, early = quotes([stay], party)[0], quotes([stay], party, turns=Turns(0.8))[0]
    assert usual is not None
    assert early is not None
    assert early.high < usual.high


def test_a_party_that_no_table_suits_has_no_quote_and_delays_nobody() -> None:
    assert quotes([], [Waiting((), 90), two(1)]) == [None, Quote(0, 0)]


def test_a_wait_beyond_the_longest_is_not_quoted() -> None:
    assert quotes([seated(1, ends=LONGEST + 1)], [two(1)]) == [None]


@given(FLOORS, LISTS)
def test_a_quote_is_a_range_of_whole_steps(there: list[Stay], waiting: list[Waiting]) -> None:
    for quote in quotes(there, waiting):
        if quote is not None:
            assert 0 <= quote.low <= quote.high <= LONGEST
            assert quote.low % STEP == quote.high % STEP == 0
            assert quote.low < quote.high or quote == Quote(0, 0)


@given(FLOORS, LISTS, st.integers(0, PLAYS - 1))
def test_no_table_is_planned_twice(there: list[Stay], waiting: list[Waiting], number: int) -> None:
    play = Play(number, USUAL)
    busy = play.floor(there)
    places = play.serve(play.floor(there), waiting)
    mine: list[Planned] = []
    for party, place in zip(waiting, places, strict=True):
        if place is None:
            continue
        assert place.seats in party.wanted
        for table in place.seats:
            spans = busy.get(table, ())
            assert all(end <= place.begins or begin >= place.ends for begin, end in spans)
        mine.append(place)


@given(FLOORS, LISTS, WAITING)
def test_of_two_alike_the_later_never_waits_less(
    there: list[Stay], waiting: list[Waiting], party: Waiting
) -> None:
    first, *_, last = quotes(there, [party, *waiting, party])
    if last is not None:
        assert first is not None
        assert first.low <= last.low
        assert first.high <= last.high


@given(FLOORS, WAITING, stays())
def test_one_more_party_on_the_floor_never_shortens_the_first_wait(
    there: list[Stay], party: Waiting, more: Stay
) -> None:
    [before], [after] = quotes(there, [party]), quotes([*there, more], [party])
    if after is not None:
        assert before is not None
        assert (before.low, before.high) <= (after.low, after.high)


@given(FLOORS, LISTS)
def test_a_whole_list_is_quoted_as_its_beginning_is(
    there: list[Stay], waiting: list[Waiting]
) -> None:
    half = waiting[: len(waiting) // 2]
    assert quotes(there, half) == quotes(there, waiting)[: len(half)]


@given(FLOORS, LISTS, LISTS, st.sampled_from((0, 15)))
def test_newcomers_are_each_quoted_as_the_last_of_the_list(
    there: list[Stay], waiting: list[Waiting], newcomers: list[Waiting], buffer: int
) -> None:
    slow = [quotes(there, [*waiting, each], buffer=buffer)[-1] for each in newcomers]
    assert newcomer_quotes(there, waiting, newcomers, buffer=buffer) == slow
