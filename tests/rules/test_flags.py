"""Flags: which switch applies, and that a key keeps its answer while the share grows."""

from hypothesis import given
from hypothesis import strategies as st

from models.rules.flags import EVERYWHERE, WHILE_OFF, Flag, Switch, bucket, is_on

OFFERS = Flag.WAITLIST_OFFERS
HERE = 7


def ask(switches: dict[int, Switch], key: str = "a") -> bool:
    return is_on(OFFERS, switches, restaurant_id=HERE, key=key)


def test_without_a_switch_it_is_on() -> None:
    assert ask({})
    assert ask({8: Switch(0)})


def test_a_restaurants_own_share_goes_before_the_restaurants() -> None:
    assert not ask({EVERYWHERE: Switch(0)})
    assert ask({EVERYWHERE: Switch(0), HERE: Switch(100)})
    assert not ask({EVERYWHERE: Switch(100), HERE: Switch(0)})


def test_a_killed_switch_is_off_whatever_stands_beside_it() -> None:
    assert not ask({EVERYWHERE: Switch(100, is_killed=True), HERE: Switch(100)})
    assert not ask({EVERYWHERE: Switch(100), HERE: Switch(100, is_killed=True)})
    assert ask({EVERYWHERE: Switch(100), 8: Switch(0, is_killed=True)})


@given(st.text(max_size=20), st.integers(0, 100), st.integers(0, 100))
def test_a_key_that_is_in_stays_in_while_the_share_grows(key: str, one: int, other: int) -> None:
    small, large = sorted((one, other))
    if ask({EVERYWHERE: Switch(small)}, key):
        assert ask({EVERYWHERE: Switch(large)}, key)


def test_nobody_at_0_and_everybody_at_100_percent() -> None:
    keys = [str(number) for number in range(2000)]
    assert not any(ask({EVERYWHERE: Switch(0)}, key) for key in keys)
    assert all(ask({EVERYWHERE: Switch(100)}, key) for key in keys)
    quarter = sum(ask({EVERYWHERE: Switch(25)}, key) for key in keys)
    assert 420 <= quarter <= 580


def test_another_flag_deals_the_keys_anew() -> None:
    keys = [str(number) for number in range(50)]
    assert [bucket(OFFERS, key) for key in keys] != [bucket(Flag.SMS, key) for key in keys]


def test_each_flag_says_what_it_does_while_it_is_off() -> None:
    assert set(WHILE_OFF) == set(Flag)
