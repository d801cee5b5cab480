"""Policies as JSON and as values: only differences from the defaults are stored."""

import json
from typing import get_type_hints

from hypothesis import given
from hypothesis import strategies as st

from models.rules.restaurant.policy_storage import (
    pacing_from,
    pacing_to,
    policies_from,
    policies_to,
    turn_times_from,
    turn_times_to,
)
from models.rules.restaurant.restaurant import DEFAULT_TURN_TIMES, Pacing, Policies, TurnTime

_NUMBERS = st.integers(0, 10_000)
_LIMITS = st.none() | st.integers(1, 500)
_PACING = st.builds(Pacing, _LIMITS, _LIMITS, _LIMITS)
_TURN_TIMES = st.lists(st.builds(TurnTime, _NUMBERS, _NUMBERS), max_size=5).map(tuple)
_OTHERS = {
    "waitlist": st.booleans(),
    "reminder_minutes": st.lists(_NUMBERS, max_size=4).map(tuple),
    "turn_times": _TURN_TIMES,
    "pacing": _PACING,
    "sms_countries": st.lists(st.sampled_from(["DE", "AT", "US"]), max_size=3).map(tuple),
}
POLICIES = st.builds(
    Policies, **{name: _OTHERS.get(name, _NUMBERS) for name in get_type_hints(Policies)}
)


@given(POLICIES)
def test_policies_come_back_as_they_were_through_json(policies: Policies) -> None:
    assert policies_from(json.loads(json.dumps(policies_to(policies)))) == policies


@given(_PACING, _TURN_TIMES)
def test_the_overrides_of_a_shift_come_back_too(
    pacing: Pacing, turn_times: tuple[TurnTime, ...]
) -> None:
    assert pacing_from(json.loads(json.dumps(pacing_to(pacing)))) == pacing
    assert turn_times_from(json.loads(json.dumps(turn_times_to(turn_times)))) == turn_times


def test_the_trades_defaults_are_not_kept() -> None:
    assert policies_to(Policies()) == {}
    assert policies_from({}) == Policies()
    assert policies_to(Policies(waitlist_parties=5)) == {"waitlist_parties": 5}
    assert turn_times_to(DEFAULT_TURN_TIMES)[0] == [2, 90]


def test_a_policy_of_a_newer_release_is_left_alone() -> None:
    assert policies_from({"candle_minutes": 4, "lead_minutes": 45}) == Policies(lead_minutes=45)
