"""The decision: confirmed, waitlisted or declined; its reason and the alternatives."""

from copy import deepcopy
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules.deciding.board import Ask, Board, Outcome, Reason
from models.rules.deciding.decisions import ALTERNATIVES, decide
from models.rules.deciding.offers import offers
from models.rules.deciding.seating import Seats
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import Pacing, Policies, RestaurantSpec
from models.rules.restaurant.sittings import Sitting
from models.rules.restaurant.turn_times import held_quarters
from tests.rules.floors import (
    HALL,
    TERRACE,
    Ledger,
    a_board,
    a_combination,
    a_floor,
    asks,
    copy_of,
    decide_and_apply,
    fits,
    restaurants,
)

#: 18:00 in Berlin on the Friday; dinner has 13 starts until 21:00
FIRST = a_board(a_floor([(1, 2)])).sitting.starts[0]
SEVEN = FIRST + 4
MANY = st.lists(asks(FIRST), max_size=25)


def one_table(**policies: object) -> Board:
    """The empty book of a restaurant with one table for two."""
    return a_board(a_floor([(1, 2)], policies=Policies(**policies)))  # type: ignore[arg-type]


def ask_of(party_size: int, quarter: int = SEVEN, *, waitlist: bool = False) -> Ask:
    return Ask(party_size, quarter, waitlist=waitlist)


def answer(board: Board, ask: Ask) -> Outcome:
    return decide_and_apply(board, ask, earliest=0)


def test_a_party_gets_the_smallest_table_and_holds_it_for_its_turn() -> None:
    board = a_board(a_floor([(1, 6), (1, 2)], policies=Policies(buffer_minutes=15)))
    outcome = answer(board, ask_of(2))
    assert outcome == Outcome(Status.CONFIRMED, seats=(2,), held=7)
    assert board.floor.first_free([(2,)], board.floor.mask(SEVEN + 6, 1)) is None
    assert board.floor.first_free([(2,)], board.floor.mask(SEVEN + 7, 1)) == (2,)


def test_the_next_party_gets_the_next_best_table_then_the_combination() -> None:
    restaurant = a_floor([(1, 2), (1, 4), (1, 2)], [a_combination(1, (1, 3), 2, 4)])
    board = a_board(restaurant)
    seats = [answer(board, ask_of(2)).seats for _ in range(4)]
    assert seats == [(1,), (3,), (2,), ()]
    other = a_board(restaurant)
    assert [answer(other, ask_of(4)).seats for _ in range(2)] == [(2,), (1, 3)]


def test_a_full_restaurant_declines_and_offers_the_nearest_three() -> None:
    board = one_table()
    answer(board, ask_of(2))
    outcome = answer(board, ask_of(2))
    assert (outcome.status, outcome.reason) == (Status.DECLINED, Reason.FULL)
    assert outcome.alternatives == (SEVEN + 6, SEVEN + 7, SEVEN + 8)


def test_alternatives_lie_on_both_sides_and_the_earlier_wins_a_tie() -> None:
    board = a_board(a_floor([(1, 2)], policies=Policies(), first="16:00"))
    starts = board.sitting.starts
    middle = starts[8]
    answer(board, ask_of(2, middle))
    outcome = answer(board, ask_of(2, middle))
    # six quarters a turn: free again from middle + 6, and up to middle - 6
    assert outcome.alternatives == (middle - 7, middle - 6, middle + 6)


def test_alternatives_respect_the_lead_time_and_the_window() -> None:
    board = one_table()
    answer(board, ask_of(2))
    ask = ask_of(2)
    outcome = decide_and_apply(board, ask, earliest=0, offered=(SEVEN + 7, SEVEN + 8))
    assert outcome.alternatives == (SEVEN + 7, SEVEN + 8)
    assert (
        decide_and_apply(board, ask, earliest=0, offered=(SEVEN + 20, SEVEN + 30)).alternatives
        == ()
    )


def test_a_start_that_is_over_is_too_late_and_others_are_offered() -> None:
    outcome = decide_and_apply(
        one_table(), ask_of(2), earliest=SEVEN + 1, offered=(SEVEN + 3, SEVEN + 9)
    )
    assert (outcome.status, outcome.reason) == (Status.DECLINED, Reason.TOO_LATE)
    assert outcome.alternatives == (SEVEN + 3, SEVEN + 4, SEVEN + 5)
    assert decide_and_apply(one_table(), ask_of(2), earliest=SEVEN).status is Status.CONFIRMED


def test_a_start_that_the_shift_has_no_more_is_closed() -> None:
    outcome = answer(one_table(), ask_of(2, FIRST - 1))
    assert outcome == Outcome(Status.DECLINED, reason=Reason.CLOSED)


def test_a_party_that_no_table_takes_is_declined_though_it_would_wait() -> None:
    for size in (3, 8):
        outcome = answer(one_table(), ask_of(size, waitlist=True))
        assert outcome == Outcome(Status.DECLINED, reason=Reason.PARTY_TOO_LARGE)
    only_hall = Ask(2, SEVEN, area_id=TERRACE)
    assert answer(one_table(), only_hall).reason is Reason.PARTY_TOO_LARGE
    assert answer(one_table(), replace(only_hall, area_id=HALL)).status is Status.CONFIRMED


def test_a_party_without_a_table_waits_until_the_list_is_full() -> None:
    board = one_table(waitlist_parties=2)
    answers = [answer(board, ask_of(2, waitlist=True)) for _ in range(4)]
    assert [each.status for each in answers] == [
        Status.CONFIRMED,
        Status.WAITLISTED,
        Status.WAITLISTED,
        Status.DECLINED,
    ]
    assert [each.reason for each in answers] == [
        None,
        Reason.FULL,
        Reason.FULL,
        Reason.WAITLIST_FULL,
    ]
    assert board.waitlisted == 2
    assert answers[3].alternatives


def test_a_restaurant_without_a_waitlist_declines() -> None:
    board = one_table(waitlist=False)
    statuses = [answer(board, ask_of(2, waitlist=True)).status for _ in range(2)]
    assert statuses == [Status.CONFIRMED, Status.DECLINED]


def test_the_pacing_is_kept_and_a_party_waits_for_it() -> None:
    board = a_board(a_floor([(1, 4)] * 5, pacing=Pacing(6)))
    assert answer(board, ask_of(4)).status is Status.CONFIRMED
    waits = answer(board, ask_of(3, waitlist=True))
    assert (waits.status, waits.reason) == (Status.WAITLISTED, Reason.PACING)
    declined = answer(board, ask_of(3))
    assert declined.reason is Reason.PACING
    assert declined.alternatives == (SEVEN - 2, SEVEN - 1, SEVEN + 1)
    assert answer(board, ask_of(2)).status is Status.CONFIRMED


def test_a_party_over_the_pacing_of_an_empty_interval_does_not_wait_in_vain() -> None:
    board = a_board(a_floor([(1, 12)], pacing=Pacing(10)))
    outcome = answer(board, ask_of(11, waitlist=True))
    assert outcome == Outcome(Status.DECLINED, reason=Reason.PACING)


def test_the_staff_go_over_the_pacing_knowingly() -> None:
    board = a_board(a_floor([(1, 12)] * 2, pacing=Pacing(10)))
    forced = Ask(11, SEVEN, online=False, waitlist=False, force_pacing=True)
    assert answer(board, replace(forced, force_pacing=False)).reason is Reason.PACING
    assert answer(board, forced).status is Status.CONFIRMED
    assert answer(board, ask_of(1)).reason is Reason.PACING  # later parties count in the pacing


def test_a_party_lifted_off_the_board_leaves_no_trace() -> None:
    board = a_board(a_floor([(1, 2)], pacing=Pacing(2)))
    ask = ask_of(2)
    outcome = answer(board, ask)
    board.lift(ask, outcome.seats, outcome.held)
    assert answer(board, ask).seats == (1,)


def test_lifting_a_party_that_was_never_counted_starts_from_nothing() -> None:
    board = one_table()
    board.lift(ask_of(2), (1,), 6)
    assert board.pace[SEVEN].covers == -2
    assert answer(board, ask_of(2)).status is Status.CONFIRMED


def test_a_sitting_without_starts_offers_nothing() -> None:
    board = one_table()
    sitting = Sitting(1, board.sitting.shift, board.sitting.service_date, ())
    empty = Board(board.restaurant, sitting, board.floor)
    assert offers(empty, ask_of(2)) == []


def test_offers_are_worked_out_afresh_when_the_floor_changed() -> None:
    board = one_table()
    before = offers(board, ask_of(2))
    assert offers(board, ask_of(2, FIRST)) == before  # for the same request, at whatever start
    answer(board, ask_of(2))
    assert offers(board, ask_of(2)) == [start for start in before if abs(start - SEVEN) >= 6]


def seated(board: Board, wishes: list[Ask]) -> list[tuple[Ask, Outcome]]:
    """Decide every request in turn; return those that got a table."""
    answers = [(ask, decide_and_apply(board, ask, earliest=FIRST)) for ask in wishes]
    return [(ask, outcome) for ask, outcome in answers if outcome.status is Status.CONFIRMED]


@given(restaurants(), MANY)
def test_no_table_has_two_parties_at_once_and_every_party_fits(
    restaurant: RestaurantSpec, wishes: list[Ask]
) -> None:
    board, ledger = a_board(restaurant), Ledger()
    for ask, outcome in seated(board, wishes):
        turn = held_quarters(restaurant.policies, board.sitting.shift, party_size=ask.party_size)
        assert outcome.held == turn
        assert fits(restaurant, outcome.seats, ask)
        ledger.take(outcome.seats, ask.quarter, outcome.held)


@given(restaurants(), MANY)
def test_nobody_is_turned_away_from_a_table_that_is_free(
    restaurant: RestaurantSpec, wishes: list[Ask]
) -> None:
    board, ledger = a_board(restaurant), Ledger()
    everything: list[Seats] = [(table.id,) for table in restaurant.tables]
    everything += [each.table_ids for each in restaurant.combinations]
    for ask in wishes:
        outcome = answer(board, ask)
        turn = held_quarters(restaurant.policies, board.sitting.shift, party_size=ask.party_size)
        if outcome.status is Status.CONFIRMED:
            ledger.take(outcome.seats, ask.quarter, outcome.held)
        elif outcome.reason is Reason.FULL:
            free = [seats for seats in everything if ledger.is_free(seats, ask.quarter, turn)]
            assert not [seats for seats in free if fits(restaurant, seats, ask)]


@given(restaurants(), MANY)
def test_the_pacing_is_never_exceeded(restaurant: RestaurantSpec, wishes: list[Ask]) -> None:
    taken = seated(a_board(restaurant), wishes)
    pacing = restaurant.shifts[0].pacing
    assert pacing is not None
    for quarter in {ask.quarter for ask, _ in taken}:
        here = [ask for ask, _ in taken if ask.quarter == quarter]
        assert sum(ask.party_size for ask in here) <= (pacing.covers or 999)
        assert len(here) <= (pacing.parties or 999)
        if here[-1].online:
            online = sum(ask.party_size for ask in here if ask.online)
            assert online <= (pacing.online_covers or 999)


@given(restaurants(), MANY, asks(FIRST))
@settings(max_examples=150)
def test_offers_are_the_starts_for_which_the_decision_would_confirm(
    restaurant: RestaurantSpec, wishes: list[Ask], ask: Ask
) -> None:
    board = a_board(restaurant)
    seated(board, wishes)
    slow = [
        start
        for start in board.sitting.starts
        if answer(copy_of(board), replace(ask, quarter=start)).status is Status.CONFIRMED
    ]
    assert offers(board, ask) == slow


@given(restaurants(), MANY, st.integers(FIRST - 4, FIRST + 14), st.integers(0, 12))
def test_alternatives_are_the_nearest_offers_within_the_window(
    restaurant: RestaurantSpec, wishes: list[Ask], first: int, length: int
) -> None:
    board = a_board(restaurant)
    for ask in wishes:
        outcome = decide_and_apply(board, ask, earliest=FIRST, offered=(first, first + length))
        if outcome.status is not Status.DECLINED or outcome.reason is Reason.PARTY_TOO_LARGE:
            assert outcome.alternatives == ()
            continue
        inside = [start for start in offers(board, ask) if first <= start <= first + length]
        assert len(outcome.alternatives) == min(ALTERNATIVES, len(inside))
        assert set(outcome.alternatives) <= set(inside)
        left = set(inside) - set(outcome.alternatives)
        far = max((abs(start - ask.quarter) for start in outcome.alternatives), default=0)
        assert all(abs(start - ask.quarter) >= far for start in left)


def state_of(board: Board) -> tuple[object, ...]:
    """Everything a decision reads of a board, except its caches."""
    floor = board.floor
    movable = dict(board.movable)
    return dict(floor.taken), floor.version, deepcopy(board.pace), board.waitlisted, movable


@given(restaurants(), MANY)
def test_a_decision_alone_changes_nothing(restaurant: RestaurantSpec, wishes: list[Ask]) -> None:
    board = a_board(restaurant)
    board.may_move = True
    for number, ask in enumerate(wishes, 1):
        before, searched = state_of(board), len(board.searches)
        outcome = decide(board, ask, earliest=FIRST)
        assert (state_of(board), len(board.searches)) == (before, searched)
        assert decide(board, ask, earliest=FIRST) == outcome
        board.apply(ask, outcome)
        if outcome.status is Status.CONFIRMED:
            board.may_be_moved(number, ask, outcome.seats, outcome.held)


@given(restaurants(), MANY)
def test_the_waitlist_counts_exactly_the_waiting_parties(
    restaurant: RestaurantSpec, wishes: list[Ask]
) -> None:
    board = a_board(restaurant)
    waiting = [ask for ask in wishes if answer(board, ask).status is Status.WAITLISTED]
    assert board.waitlisted == len(waiting) <= restaurant.policies.waitlist_parties
    assert all(ask.waitlist for ask in waiting)
    assert restaurant.policies.waitlist or not waiting
