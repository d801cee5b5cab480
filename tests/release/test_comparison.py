"""Comparison of two versions, at the default limits."""

import pytest

from deploy.release.comparison import Counts, more_errors, slower

BOUNDS = (0.01, 0.05, 0.1, 0.15, 0.25, 0.5)


def all_within(bound: float) -> Counts:
    """Return a hundred answers, all of which took at most that long."""
    return Counts(100, 0, {each: 100.0 if each >= bound else 0.0 for each in BOUNDS})


@pytest.mark.parametrize(("took", "is_slow"), [(0.05, False), (0.1, False), (0.25, True)])
def test_a_tenth_of_a_second_more_is_slow(
    service_env: dict[str, str], took: float, is_slow: bool
) -> None:
    assert bool(slower(all_within(took), all_within(0.05))) is is_slow


@pytest.mark.parametrize(
    ("answers", "errors", "is_worse"),
    [(4, 4, False), (5, 5, True), (19, 1, False), (20, 1, True), (1000, 10, False)],
)
def test_few_answers_say_something_when_most_are_errors(
    answers: int, errors: int, is_worse: bool
) -> None:
    assert bool(more_errors(Counts(answers, errors), Counts(500, 0))) is is_worse
