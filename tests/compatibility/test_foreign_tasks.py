"""Workers receive tasks from another version's web process and survive."""

import pytest
from celery import Celery

from tests.faults.guests import assert_all_checks_pass
from tests.services.running.stack import Stack, evening


@pytest.mark.both
def test_workers_survive_tasks_that_they_do_not_know(stack: Stack) -> None:
    """An unknown nudge is lost, but no guest is: the sweep finds the row."""
    restaurant = stack.open_restaurant()
    workers = {name: stack.processes[name].pid for name in stack.workers}
    with Celery(broker=stack.redis.url) as other:
        for _ in range(10):
            other.send_task("allocation.decide_faster", [1], queue="allocation")
            other.send_task("allocation.decide", [1], {"speed": 2}, queue="allocation")
            other.send_task("allocation.decide", queue="allocation")
            other.send_task("messages.deliver", ["at once"], queue="messages")
            other.send_task("messages.sing", queue="messages")
    asked = [stack.post(restaurant, start=evening(day)) for day in range(1, 6)]
    assert set(stack.wait_decided(each.id for each in asked).values()) == {"confirmed"}
    stack.wait_quiet()
    assert_all_checks_pass(stack)
    assert {name: stack.processes[name].pid for name in stack.workers} == workers
    assert all(stack.processes[name].is_running for name in stack.workers)
