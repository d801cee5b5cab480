"""Pacing: how many may still start in an interval."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.restaurant.pacing import Load, keeps_pace, pacing_of
from models.rules.restaurant.restaurant import Pacing, Policies
from tests.rules.floors import a_floor, a_table
from tests.rules.restaurants import a_restaurant, a_shift

LOADS = st.builds(Load, st.integers(0, 20), st.integers(0, 9), st.integers(0, 20))
LIMITS = st.none() | st.integers(0, 24)


@pytest.mark.parametrize(
    ("pacing", "load", "party_size", "online", "kept"),
    [
        (Pacing(10), Load(8, 3, 8), 2, True, True),
        (Pacing(10), Load(8, 3, 8), 3, True, False),
        (Pacing(10), None, 10, True, True),
        (Pacing(10), None, 11, True, False),  # an oversized first party is not let through
        (Pacing(None, parties=2), Load(2, 1, 2), 30, True, True),
        (Pacing(None, parties=2), Load(2, 2, 2), 1, True, False),
        (Pacing(10, online_covers=6), Load(4, 2, 4), 3, True, False),
        (Pacing(10, online_covers=6), Load(4, 2, 4), 3, False, True),
        (Pacing(10, online_covers=6), Load(9, 2, 0), 2, True, False),
        (Pacing(None), Load(500, 200, 500), 100, True, True),
    ],
)
def test_the_limits_of_an_interval(
    pacing: Pacing, load: Load | None, party_size: int, online: bool, kept: bool
) -> None:
    assert keeps_pace(pacing, load, party_size, online=online) is kept


@given(LOADS, st.builds(Pacing, LIMITS, LIMITS, LIMITS), st.integers(1, 12), st.booleans())
def test_a_party_within_the_pace_is_within_every_limit_afterwards(
    load: Load, pacing: Pacing, party_size: int, online: bool
) -> None:
    kept = keeps_pace(pacing, load, party_size, online=online)
    load.add(party_size, online=online)
    inside = [
        pacing.covers is None or load.covers <= pacing.covers,
        pacing.parties is None or load.parties <= pacing.parties,
        not online or pacing.online_covers is None or load.online_covers <= pacing.online_covers,
    ]
    assert kept is all(inside)


@given(LOADS, st.integers(1, 12), st.booleans())
def test_a_party_taken_off_again_leaves_the_load_as_it_was(
    load: Load, party_size: int, online: bool
) -> None:
    before = (load.covers, load.parties, load.online_covers)
    load.add(party_size, online=online)
    load.remove(party_size, online=online)
    assert (load.covers, load.parties, load.online_covers) == before


def test_the_shifts_own_pacing_comes_before_the_restaurants() -> None:
    restaurant = a_floor([a_table(1, 1, 2)], pacing=Pacing(4))
    assert pacing_of(restaurant, restaurant.shifts[0]) == Pacing(4)
    plain = a_restaurant(policies=Policies(pacing=Pacing(7)))
    assert pacing_of(plain, replace(a_shift(), pacing=None)) == Pacing(7)
