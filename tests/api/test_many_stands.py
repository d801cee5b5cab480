"""Two hundred host stands at one web process: each hears every act, the last hardly later."""

import pytest

from tests.bench.stands import measure

MANY = 200


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_act_reaches_two_hundred_stands_of_one_web_process() -> None:
    few, many = measure(4, MANY, acts=10)
    print(few, many, sep="\n")
    # every act reached every stand: the measuring waits for each of them
    assert [len(act) for act in many.acts] == [MANY] * 10
    # a stand looks twice a second, whether few look or many
    assert many.last < 2 * few.last
    assert many.megabytes - few.megabytes < MANY / 2
    assert many.idle_share < 0.5
