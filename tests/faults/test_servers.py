"""Redis and the database go away and come back, with requests waiting and new ones coming."""

import pytest

from tests.faults.guests import Crowd, assert_all_checks_pass
from tests.services.running.process import wait_until
from tests.services.running.stack import Stack, evening
from tests.services.running.together import answers, together

pytestmark = pytest.mark.slow

HALL = {str(number): ("hall", 1, 4) for number in range(12)}
#: a 202 may take this long when the broker is away (seconds, p99)
ACCEPTED_WITHIN = 1.0


@pytest.mark.both
def test_redis_flushed_with_requests_waiting(stack: Stack) -> None:
    restaurant = stack.open_restaurant(tables=HALL)
    for name in ("allocation-1", "allocation-2"):
        stack.kill9(name)
    asked = [stack.post(restaurant, start=evening(day)) for day in range(1, 21)]
    assert {each.status for each in asked} == {202}
    stack.redis.flush()
    stack.heal()
    assert set(stack.wait_decided(each.id for each in asked).values()) == {"confirmed"}
    assert_all_checks_pass(stack)


@pytest.mark.both
def test_redis_killed_and_restarted_with_requests_waiting(stack: Stack) -> None:
    restaurant = stack.open_restaurant(tables=HALL)
    for process in stack.deciders:
        process.pause()
    asked = [stack.post(restaurant, start=evening(day)) for day in range(1, 21)]
    stack.redis.kill()
    stack.redis.start()
    for process in stack.deciders:
        process.resume()
    assert set(stack.wait_decided(each.id for each in asked).values()) == {"confirmed"}
    assert_all_checks_pass(stack)


@pytest.mark.both
def test_redis_flushed_and_restarted_under_load(stack: Stack) -> None:
    restaurant = stack.open_restaurant(tables=HALL)
    with Crowd(stack, restaurant) as crowd:
        for _ in range(3):
            _wait_for_more(crowd, 10)
            stack.redis.flush()
            _wait_for_more(crowd, 10)
            stack.redis.kill()
            _wait_for_more(crowd, 10)
            stack.redis.start()
    assert not crowd.unanswered
    assert not crowd.refused
    assert "requested" not in stack.wait_decided(crowd.ids).values()
    assert_all_checks_pass(stack)


@pytest.mark.both
def test_requests_are_accepted_while_the_broker_is_down(stack: Stack) -> None:
    restaurant = stack.open_restaurant(tables=HALL)
    stack.redis.kill()
    asked = answers(
        together(
            lambda n: [stack.post(restaurant, start=evening(n * 5 + i + 1)) for i in range(5)],
            range(8),
        )
    )
    flat = [each for some in asked for each in some]
    assert {each.status for each in flat} == {202}
    took = sorted(each.seconds for each in flat)
    assert took[int(len(took) * 0.99) - 1] < ACCEPTED_WITHIN, took[-5:]
    stack.redis.start()
    assert set(stack.wait_decided(each.id for each in flat).values()) == {"confirmed"}
    assert_all_checks_pass(stack)


@pytest.mark.mariadb
@pytest.mark.parametrize("hard", [False, True], ids=["shutdown", "killed"])
def test_mariadb_restarted_under_load(stack: Stack, hard: bool) -> None:
    assert stack.mariadb is not None
    restaurant = stack.open_restaurant(tables=HALL)
    with Crowd(stack, restaurant) as crowd:
        _wait_for_more(crowd, 20)
        stack.mariadb.restart(hard=hard)
        _wait_for_more(crowd, 20)
    stack.engine.dispose()
    # writes that failed were answered with a status that a client understands
    assert {each.status for each in crowd.refused} <= {409, 503}
    assert all(each.body["code"] for each in crowd.refused)
    assert not crowd.unanswered
    assert "requested" not in stack.wait_decided(crowd.ids).values()
    # a request repeated with its key after the fault is still one reservation
    assert len(set(crowd.ids)) == len(crowd.ids)
    assert_all_checks_pass(stack)


def _wait_for_more(crowd: Crowd, count: int) -> None:
    already = len(crowd.accepted)
    wait_until(lambda: len(crowd.accepted) >= already + count, seconds=30, what="more requests")
