"""Waiting for a condition: called at least once, and no longer than was said."""

import pytest

from models.core.waiting import wait_until


class Clock:
    """A clock on which only the pauses take time."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def hands() -> Clock:
    return Clock()


def test_it_returns_what_the_condition_returned(hands: Clock) -> None:
    answers = iter([0, 0, 7, 8])
    found = wait_until(
        lambda: next(answers), every=2, seconds=60, monotonic=hands.monotonic, sleep=hands.sleep
    )
    assert (found, hands.now) == (7, 104)


def test_what_is_true_already_is_not_waited_for(hands: Clock) -> None:
    assert wait_until(
        lambda: True, every=2, seconds=0, monotonic=hands.monotonic, sleep=hands.sleep
    )
    assert hands.now == 100


def test_it_ends_when_the_time_is_up(hands: Clock) -> None:
    asked: list[float] = []

    def never() -> list[float]:
        asked.append(hands.now)
        return []

    assert wait_until(never, every=2, seconds=5, monotonic=hands.monotonic, sleep=hands.sleep) == []
    assert asked == [100, 102, 104, 106]


def test_an_error_of_the_condition_is_passed_on(hands: Clock) -> None:
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: 1 / 0, every=1, monotonic=hands.monotonic, sleep=hands.sleep)
    assert hands.now == 100
