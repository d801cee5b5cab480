"""How many quotes are right in simulated evenings; all seeded.

`python -m tests.rules.door.shares` prints the shares by size.
"""

import pytest

from models.rules.door.turns import Turns
from tests.rules.door.evenings import EARLY
from tests.rules.door.shares import played, shares

_SEEDS = range(12)


def test_seven_of_ten_quotes_are_right_and_the_others_balanced() -> None:
    found = shares(played(_SEEDS))
    assert found.known > 150
    assert found.within >= 70, found
    assert found.too_short <= 20, found
    assert found.too_long <= 20, found
    assert found.widest <= 30


@pytest.mark.slow
def test_quotes_of_a_restaurant_whose_guests_leave_early_are_right_once_that_is_known() -> None:
    before = shares(played(_SEEDS, EARLY))
    found = shares(played(_SEEDS, EARLY, turns=Turns(EARLY.share)))
    assert found.within >= 70, found
    assert found.too_long <= 20, found
    assert found.too_long < before.too_long / 2, (before, found)
