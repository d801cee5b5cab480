"""Without tables, the covers in the restaurant decide: never more than the number at once."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from models.rules.deciding.at_the_door import decide_at_the_door
from models.rules.deciding.board import Ask, Board, Reason
from models.rules.deciding.decisions import decide
from models.rules.deciding.offers import full_starts, made_by_moving, offers
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import Pacing, Policies
from tests.rules.floors import UNPACED, a_board, a_floor, asks, decide_and_apply

FIRST = a_board(a_floor([(1, 2)])).sitting.starts[0]
SEVEN = FIRST + 4


def a_counted(
    covers: int, *, of_shift: int | None = None, pacing: Pacing = UNPACED, buffer: int = 0
) -> Board:
    """The empty book of a restaurant that counts covers."""
    policies = Policies(buffer_minutes=buffer)
    spec = replace(a_floor([], policies=policies, pacing=pacing), covers=covers, areas=())
    shifts = tuple(replace(shift, covers=of_shift) for shift in spec.shifts)
    return a_board(replace(spec, shifts=shifts))


def ask_of(party_size: int, quarter: int = SEVEN, **more: bool) -> Ask:
    return Ask(party_size, quarter, waitlist=False, **more)  # type: ignore[arg-type]


ASKS = st.lists(
    st.builds(
        Ask,
        party_size=st.integers(1, 12),
        quarter=st.integers(FIRST, FIRST + 12),
        online=st.booleans(),
        walk_in=st.booleans(),
        waitlist=st.booleans(),
        turn_minutes=st.none() | st.sampled_from([30, 60, 300]),
    ),
    max_size=40,
)


def there(parties: list[tuple[Ask, int]]) -> Counter[int]:
    """Add the covers up one by one: a slow and simple reference."""
    found: Counter[int] = Counter()
    for ask, held in parties:
        for quarter in range(ask.quarter, ask.quarter + held):
            found[quarter] += ask.party_size
    return found


@given(st.integers(1, 30), ASKS)
def test_the_covers_never_exceed_the_number_and_no_party_that_fits_is_refused(
    covers: int, wished: list[Ask]
) -> None:
    board = a_counted(covers)
    parties: list[tuple[Ask, int]] = []
    for ask in wished:
        before = there(parties)
        outcome = decide_and_apply(board, ask)
        held = board.held(ask)
        fits = all(before[ask.quarter + n] + ask.party_size <= covers for n in range(held))
        assert (outcome.status is Status.CONFIRMED) == fits
        if outcome.status is Status.CONFIRMED:
            assert outcome.seats == ()
            parties.append((ask, outcome.held))
        assert max(there(parties).values(), default=0) <= covers


@given(st.integers(1, 30), ASKS, asks(FIRST))
def test_offers_are_exactly_the_starts_that_a_decision_accepts(
    covers: int, wished: list[Ask], ask: Ask
) -> None:
    board, ask = a_counted(covers), replace(ask, area_id=None)
    for each in wished:
        decide_and_apply(board, each)
    accepted = [
        start
        for start in board.sitting.starts
        if decide(board, replace(ask, quarter=start), earliest=0).status is Status.CONFIRMED
    ]
    assert offers(board, ask) == accepted
    assert made_by_moving(board, ask, full_starts(board, ask)) == []


@given(st.integers(2, 30), ASKS, st.integers(1, 12))
def test_a_walk_in_fits_too(covers: int, wished: list[Ask], size: int) -> None:
    board = a_counted(covers)
    for each in wished:
        decide_and_apply(board, each)
    ask = ask_of(size, online=False, walk_in=True)
    outcome = decide_at_the_door(board, ask)
    if outcome.status is Status.CONFIRMED:
        board.apply(ask, outcome)
    assert max(board.floor.covers.values(), default=0) <= covers


def test_a_party_that_leaves_gives_its_covers_back() -> None:
    board = a_counted(10, buffer=15)
    ask = ask_of(6)
    outcome = decide_and_apply(board, ask)
    assert outcome.held == 9  # two hours, and the buffer
    assert decide(board, ask_of(5, SEVEN + 8), earliest=0).reason is Reason.FULL
    assert decide(board, ask_of(5, SEVEN + 9), earliest=0).reason is Reason.CLOSED
    assert decide(board, ask_of(4, SEVEN + 8), earliest=0).status is Status.CONFIRMED
    board.lift(ask, outcome.seats, outcome.held)
    assert decide(board, ask_of(10), earliest=0).status is Status.CONFIRMED


def test_a_party_larger_than_the_number_never_fits() -> None:
    board = a_counted(10)
    assert decide(board, ask_of(11, online=False), earliest=0).reason is Reason.PARTY_TOO_LARGE
    smaller = a_counted(10, of_shift=6)
    waits = replace(ask_of(7), waitlist=True)
    assert decide(smaller, waits, earliest=0).status is Status.DECLINED


def test_a_shift_may_have_its_own_number() -> None:
    board = a_counted(10, of_shift=4)
    assert decide(board, ask_of(5), earliest=0).status is Status.DECLINED
    assert decide_and_apply(board, ask_of(4)).status is Status.CONFIRMED
    assert decide(board, ask_of(1), earliest=0).reason is Reason.FULL


def test_pacing_holds_as_before_and_the_staff_may_exceed_both() -> None:
    board = a_counted(10, pacing=Pacing(covers=4))
    assert decide(board, ask_of(5), earliest=0).reason is Reason.PACING
    assert decide_and_apply(board, ask_of(4)).status is Status.CONFIRMED
    assert decide_and_apply(board, ask_of(4, SEVEN + 1)).status is Status.CONFIRMED
    assert decide(board, ask_of(3, SEVEN + 2), earliest=0).reason is Reason.FULL
    forced = ask_of(3, SEVEN + 2, online=False, force_pacing=True)
    assert decide_and_apply(board, forced).status is Status.CONFIRMED
    assert decide(board, ask_of(1, SEVEN + 3), earliest=0).reason is Reason.FULL
