"""Redis turns read-only, as in a failover, or full: workers wait and recover by themselves."""

from collections.abc import Callable

import pytest
from redis.exceptions import ResponseError

from tests.faults.guests import Crowd, assert_all_checks_pass
from tests.services.running.process import wait_until
from tests.services.running.stack import Stack, evening
from tests.services.servers.redis import RedisServer

pytestmark = pytest.mark.slow

Fault = Callable[[RedisServer], None]
HALL = {str(number): ("hall", 1, 4) for number in range(12)}


def _demote(server: RedisServer) -> None:
    with server.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")


def _promote(server: RedisServer) -> None:
    with server.client() as client:
        client.execute_command("REPLICAOF", "NO", "ONE")


def _fill(server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")


def _make_room(server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("maxmemory", "0")


def _refuses_writes(server: RedisServer) -> bool:
    with server.client() as client:
        try:
            client.set("probe", "1")
        except ResponseError:
            return True
    return False


@pytest.mark.both
@pytest.mark.parametrize(
    ("begin", "end"), [(_demote, _promote), (_fill, _make_room)], ids=["read-only", "full"]
)
def test_nobody_ends_when_redis_takes_no_writes(
    stack: Stack,
    begin: Fault,
    end: Fault,
) -> None:
    restaurant = stack.open_restaurant(tables=HALL)
    pids = {name: process.pid for name, process in stack.processes.items()}
    try:
        with Crowd(stack, restaurant, guests=2, pause=0.2) as crowd:
            _more(crowd)
            for _ in range(2):
                before = _refusals(stack, begin)
                begin(stack.redis)
                assert _refuses_writes(stack.redis)
                _more(crowd)
                wait_until(
                    lambda before=before: all(  # type: ignore[misc]
                        _met(stack, name) > count for name, count in before.items()
                    ),
                    seconds=30,
                    what="everybody meets a refusal",
                )
                end(stack.redis)
                _more(crowd)
                _wait_until_back(stack)
    finally:
        end(stack.redis)
    assert not crowd.unanswered
    assert not crowd.refused
    assert {name: process.pid for name, process in stack.processes.items()} == pids
    ended = [name for name, process in stack.processes.items() if not process.is_running]
    assert not ended, stack.logs()
    assert "requested" not in stack.wait_decided(crowd.ids).values()
    assert_all_checks_pass(stack)
    assert "Frequent restarts" not in stack.logs()
    # answered by a nudge again, not by the sweep alone
    asked = stack.post(restaurant, start=evening(3), wait=8)
    assert asked.status == 201


def _more(crowd: Crowd) -> None:
    already = len(crowd.accepted)
    wait_until(lambda: len(crowd.accepted) >= already + 10, seconds=30, what="more requests")


def _wait_until_back(stack: Stack) -> None:
    """Wait until the scheduler reaches Redis again: it logs each outage once."""
    log = stack.processes["scheduler"].log
    wait_until(
        lambda: (
            log.read_text().count("broker available again")
            == log.read_text().count("broker unavailable")
        ),
        seconds=30,
        what="the clock goes on",
    )


def _refusals(stack: Stack, begin: Fault) -> dict[str, int]:
    """Count each process's refusals. A full Redis refuses writers only, not waiting workers."""
    names = ["scheduler", *(stack.workers if begin is _demote else ())]
    return {name: _met(stack, name) for name in names}


def _met(stack: Stack, name: str) -> int:
    process = stack.processes[name]
    assert process.is_running, process.tail()
    text = process.log.read_text(encoding="utf-8", errors="replace")
    return sum(
        map(text.count, ("broker unavailable", "Connection to broker lost", "Cannot connect"))
    )
