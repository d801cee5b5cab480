"""Turn times by party size, buffers, and their number of quarters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.restaurant.restaurant import Policies, TurnTime
from models.rules.restaurant.turn_times import (
    buffer_minutes,
    held_quarters,
    in_quarters,
    longest_held_quarters,
    turn_minutes,
)
from tests.rules.restaurants import a_shift

SHORT = (TurnTime(2, 60), TurnTime(6, 75))


@pytest.mark.parametrize(
    ("party_size", "minutes"),
    [(1, 90), (2, 90), (3, 105), (4, 105), (6, 120), (7, 135), (8, 135), (9, 150), (999, 150)],
)
def test_the_trades_default_turn_times(party_size: int, minutes: int) -> None:
    assert turn_minutes(Policies(), a_shift(), party_size=party_size) == minutes


def test_a_shifts_own_turn_times_come_first() -> None:
    shift = a_shift(turn_times=SHORT)
    assert [turn_minutes(Policies(), shift, party_size=n) for n in (2, 3, 6)] == [60, 75, 75]


def test_a_party_larger_than_every_row_gets_the_row_of_the_largest() -> None:
    shift = a_shift(turn_times=SHORT)
    assert turn_minutes(Policies(), shift, party_size=7) == 75


def test_the_order_of_the_rows_does_not_matter() -> None:
    backwards = a_shift(turn_times=SHORT[::-1])
    assert [turn_minutes(Policies(), backwards, party_size=n) for n in (1, 4, 9)] == [60, 75, 75]


def test_no_rows_at_all_means_the_trades_defaults() -> None:
    assert turn_minutes(Policies(turn_times=()), a_shift(turn_times=()), party_size=2) == 90


def test_the_buffer_is_the_shifts_own_also_when_it_is_none() -> None:
    policies = Policies(buffer_minutes=30)
    assert buffer_minutes(policies, a_shift()) == 30
    assert buffer_minutes(policies, a_shift(buffer_minutes=0)) == 0


@pytest.mark.parametrize(
    ("minutes", "buffer", "turn", "held"), [(90, 0, 6, 6), (90, 15, 6, 7), (50, 5, 4, 4)]
)
def test_begun_quarters_count_whole(minutes: int, buffer: int, turn: int, held: int) -> None:
    shift = a_shift(turn_times=(TurnTime(9, minutes),), buffer_minutes=buffer)
    assert in_quarters(turn_minutes(Policies(), shift, party_size=2)) == turn
    assert held_quarters(Policies(), shift, party_size=2) == held


ROWS = st.lists(
    st.builds(TurnTime, st.integers(1, 20), st.integers(1, 300)), min_size=1, max_size=5
)


@given(ROWS, st.integers(1, 30), st.integers(0, 60))
def test_a_table_is_held_for_the_turn_and_the_buffer_and_never_longer_than_the_longest(
    rows: list[TurnTime], party_size: int, buffer: int
) -> None:
    shift, policies = a_shift(turn_times=tuple(rows), buffer_minutes=buffer), Policies()
    minutes = turn_minutes(policies, shift, party_size=party_size)
    turn = in_quarters(turn_minutes(policies, shift, party_size=party_size))
    held = held_quarters(policies, shift, party_size=party_size)
    assert minutes <= turn * 15 < minutes + 15
    assert minutes + buffer <= held * 15 < minutes + buffer + 15
    assert 1 <= turn <= held <= longest_held_quarters(policies, shift)
