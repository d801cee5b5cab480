"""Re-seating: moving parties so that one more party gets a table."""

from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules.deciding import reseating
from models.rules.deciding.board import Ask, Board, Outcome, Reason
from models.rules.deciding.reseating import Search
from models.rules.deciding.seating import candidates
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.turn_times import held_quarters
from tests.rules.floors import (
    UNPACED,
    Ledger,
    Tables,
    a_board,
    a_combination,
    a_floor,
    asks,
    decide_and_apply,
    fits,
    restaurants,
)

FIRST = a_board(a_floor([(1, 2)])).sitting.starts[0]
SEVEN = FIRST + 4
FIXED, FREE = False, True


def a_book(restaurant: RestaurantSpec, *, exact: bool = True) -> Board:
    """An empty book in which parties may be moved."""
    board = a_board(restaurant)
    board.may_move, board.is_exact = True, exact
    return board


def sits(board: Board, number: int, ask: Ask, *tables: int, may_move: bool = FREE) -> None:
    """Place a party that already sits there."""
    held = held_quarters(board.restaurant.policies, board.sitting.shift, party_size=ask.party_size)
    board.seat(ask, tables, held)
    if may_move:
        board.may_be_moved(number, ask, tables, held)


def answer(board: Board, party_size: int, quarter: int = SEVEN) -> Outcome:
    return decide_and_apply(board, Ask(party_size, quarter, waitlist=False), earliest=0)


def moved(outcome: Outcome) -> dict[int, tuple[int, ...]]:
    return {party.id: seats for party, seats in outcome.moves}


def test_a_party_at_the_only_large_table_moves_to_a_small_one() -> None:
    board = a_book(a_floor([(1, 2), (1, 4)]))
    sits(board, 7, Ask(2, SEVEN), 2)
    outcome = answer(board, 4)
    assert (outcome.status, outcome.seats, moved(outcome)) == (Status.CONFIRMED, (2,), {7: (1,)})
    assert board.movable[7].seats == (1,)
    assert answer(board, 1).reason is Reason.FULL


def test_no_party_moves_that_must_not_or_where_it_is_switched_off() -> None:
    for may_move, switched in ((FIXED, True), (FREE, False), (FREE, None)):
        board = a_book(a_floor([(1, 2), (1, 4)]))
        board.may_move = switched
        sits(board, 7, Ask(2, SEVEN), 2, may_move=may_move)
        assert answer(board, 4).reason is Reason.FULL


def test_nobody_moves_while_a_table_is_free() -> None:
    board = a_book(a_floor([(1, 2), (1, 4), (1, 6)]))
    sits(board, 7, Ask(2, SEVEN), 2)
    outcome = answer(board, 4)
    assert (outcome.seats, outcome.moves) == ((3,), ())
    assert board.searches == []


def test_two_parties_one_after_the_other_both_move() -> None:
    board = a_book(a_floor([(1, 2), (1, 2), (1, 4)]))
    sits(board, 7, Ask(2, SEVEN - 4), 3)
    sits(board, 8, Ask(2, SEVEN + 2), 3)
    sits(board, 9, Ask(2, SEVEN - 4), 1)
    assert moved(answer(board, 4)) == {7: (2,), 8: (1,)}


def test_a_displaced_party_moves_too() -> None:
    board = a_book(a_floor([(1, 2), (1, 4), (3, 6)]), exact=False)
    sits(board, 7, Ask(4, SEVEN), 3)
    sits(board, 8, Ask(2, SEVEN), 2)
    assert moved(answer(board, 6)) == {7: (2,), 8: (1,)}


def test_joined_tables_are_cleared_together() -> None:
    restaurant = a_floor([(1, 2), (1, 2), (1, 2), (1, 2)], [a_combination(1, (1, 2), 3, 4)])
    board = a_book(restaurant)
    sits(board, 7, Ask(2, SEVEN), 1)
    sits(board, 8, Ask(2, SEVEN), 2)
    outcome = answer(board, 4)
    assert outcome.seats == (1, 2)
    assert sorted(moved(outcome).values()) == [(3,), (4,)]


def test_a_long_chain_needs_the_exact_search() -> None:
    steps: Tables = [(1, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    for exact, status in ((False, Status.DECLINED), (True, Status.CONFIRMED)):
        board = a_book(a_floor(steps), exact=exact)
        for number in range(1, 5):
            sits(board, number, Ask(number, SEVEN), number + 1)
        outcome = answer(board, 5)
        assert outcome.status is status
    assert moved(outcome) == {1: (1,), 2: (2,), 3: (3,), 4: (4,)}
    assert board.searches[-1].search is Search.EXACT


def test_more_parties_than_tables_are_seen_at_a_glance() -> None:
    board = a_book(a_floor([(1, 4)] * 12))
    for number in range(1, 13):
        sits(board, number, Ask(2, SEVEN + number % 3), number)
    assert answer(board, 4).reason is Reason.FULL
    (room,) = board.searches
    assert room.search is Search.NONE
    assert room.steps < 200


def test_what_found_no_room_is_not_sought_again_until_something_is_freed() -> None:
    board = a_book(a_floor([(1, 2), (1, 4)]))
    sits(board, 7, Ask(2, SEVEN), 2)
    sits(board, 8, Ask(2, SEVEN), 1)
    for _ in range(3):
        assert answer(board, 4).reason is Reason.FULL
    assert len(board.searches) == 1
    board.lift(Ask(2, SEVEN), (1,), 6)
    board.movable.pop(8)
    assert moved(answer(board, 4)) == {7: (1,)}


def test_a_spent_budget_is_a_refusal(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(reseating, "EXACT_STEPS", 3)
    board = a_book(a_floor([(1, 1), (1, 2), (2, 3), (3, 4), (4, 5)]))
    for number in range(1, 5):
        sits(board, number, Ask(number, SEVEN), number + 1)
    assert answer(board, 5).reason is Reason.FULL
    assert board.searches[-1].search is Search.SPENT


# --- properties, compared with every possible seating


@settings(max_examples=150)
@given(restaurants(pacing=UNPACED), st.lists(asks(FIRST, 8), max_size=5), st.data())
def test_room_is_found_whenever_there_is_any(
    restaurant: RestaurantSpec, wishes: list[Ask], data: st.DataObject
) -> None:
    board = a_book(restaurant)
    parties: list[tuple[Ask, bool]] = []
    places: dict[int, tuple[int, ...]] = {}
    for number, wish in enumerate(wishes, 1):
        ask = replace(wish, waitlist=False)
        before = places.copy()
        outcome = decide_and_apply(board, ask, earliest=0)
        others = parties if outcome.status is Status.CONFIRMED else [*parties, (ask, FREE)]
        if outcome.status is not Status.CONFIRMED:
            if outcome.reason is Reason.FULL:
                assert not _can_all_sit(restaurant, board, others, before)
            parties.append((ask, False))
            places[number] = ()
            continue
        places |= moved(outcome)
        places[number] = outcome.seats
        may_move = data.draw(st.booleans())
        parties.append((ask, may_move))
        if may_move:
            board.may_be_moved(number, ask, outcome.seats, outcome.held)
        _check(restaurant, board, parties, places)
        for other in before:
            if before[other] != places[other]:
                assert parties[other - 1][1]  # only parties that may be moved were moved


def _check(
    restaurant: RestaurantSpec,
    board: Board,
    parties: list[tuple[Ask, bool]],
    places: dict[int, tuple[int, ...]],
) -> None:
    """Every party has tables that take it, no table is used twice, and the board agrees."""
    ledger, taken = Ledger(), dict.fromkeys(board.floor.taken, 0)
    for number, (ask, _) in enumerate(parties, 1):
        if not places[number]:
            continue
        assert fits(restaurant, places[number], ask)
        held = held_quarters(restaurant.policies, board.sitting.shift, party_size=ask.party_size)
        ledger.take(places[number], ask.quarter, held)
        for table in places[number]:
            taken[table] |= board.floor.mask(ask.quarter, held)
    assert taken == board.floor.taken


def _can_all_sit(
    restaurant: RestaurantSpec,
    board: Board,
    parties: list[tuple[Ask, bool]],
    places: dict[int, tuple[int, ...]],
) -> bool:
    """Whether all of them find room, by exhaustive search; fixed parties stay where they are."""
    choices = []
    for number, (ask, may_move) in enumerate(parties, 1):
        own = places.get(number)
        if own == ():
            continue
        if own is not None and not may_move:
            choices.append([(ask, own)])
        else:
            wanted = candidates(restaurant, ask.party_size, area_id=ask.area_id, online=ask.online)
            choices.append([(ask, seats) for seats in wanted])
    return any(_is_clear(restaurant, board, seating) for seating in product(*choices))


def _is_clear(
    restaurant: RestaurantSpec, board: Board, seating: tuple[tuple[Ask, tuple[int, ...]], ...]
) -> bool:
    taken: dict[int, int] = {}
    for ask, seats in seating:
        held = held_quarters(restaurant.policies, board.sitting.shift, party_size=ask.party_size)
        mask = board.floor.mask(ask.quarter, held)
        for table in seats:
            if taken.get(table, 0) & mask:
                return False
            taken[table] = taken.get(table, 0) | mask
    return True
