"""Nudges, signals and cache generations on a real Redis, and without Redis."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from models.core.redis import signals
from models.core.redis.signals import (
    BREAK_SECONDS,
    NO_ROOM,
    attempt,
    cache_generation,
    cache_get,
    cache_put,
    claim_nudge,
    mark_changed,
    mark_changing,
    signal_decided,
    start_on,
    wait_decided,
)
from models.core.settings import settings
from tests.services.ports import free_port
from tests.services.servers.redis import RedisServer

pytestmark = pytest.mark.both

DAY = "2026-03-06"
DATES = [(1, DAY)]


@pytest.fixture(autouse=True)
def fresh(service_env: dict[str, str]) -> Iterator[None]:
    """Close the circuit breaker and forget pending signals."""
    yield
    signals._owed.clear()
    signals.breaker._until = 0.0


def seconds_of(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


# --- nudges


def test_a_nudge_is_claimed_once_until_the_worker_starts(redis: RedisServer) -> None:
    assert [claim_nudge("lane:3") for _ in range(3)] == [True, False, False]
    assert claim_nudge("lane:4")
    start_on("lane:3")
    assert [claim_nudge("lane:3") for _ in range(2)] == [True, False]


def test_a_claim_whose_worker_never_started_expires(redis: RedisServer) -> None:
    claim_nudge("lane:3")
    with redis.client() as client:
        left = client.pttl("nudge:lane:3")
    assert 0 < left <= signals.NUDGE_SECONDS * 1000


# --- signals


def test_a_waiting_process_hears_at_once(redis: RedisServer) -> None:
    timer = threading.Timer(0.2, signal_decided, [[("reservation", 7), ("change", 7)]])
    timer.start()
    heard = []
    assert seconds_of(lambda: heard.append(wait_decided("reservation", 7, 5))) < 2
    timer.join()
    assert heard == [True]
    assert wait_decided("change", 7, 1)


def test_a_decision_before_the_wait_is_heard_too(redis: RedisServer) -> None:
    signal_decided([("reservation", 7)])
    assert wait_decided("reservation", 7, 1)
    with redis.client() as client:
        signal_decided([("reservation", 8)])
        assert 0 < client.ttl("decided:reservation:8") <= signals.SIGNAL_SECONDS


@pytest.mark.parametrize("seconds", [0.0, 0.00001, 0.3, 1.3])
def test_a_wait_ends_in_time(redis: RedisServer, seconds: float) -> None:
    heard = []
    spent = seconds_of(lambda: heard.append(wait_decided("reservation", 7, seconds)))
    assert heard == [False]
    assert seconds <= spent < seconds + 1
    assert not signals.breaker.is_open  # a slow decision does not count as a failure of Redis


def test_nothing_decided_is_not_said(redis: RedisServer) -> None:
    signal_decided([])
    with redis.client() as client:
        assert client.dbsize() == 0


# --- without Redis


def everything() -> list[object]:
    """Call each function once; return the results of those that return one."""
    start_on("lane:1")
    signal_decided([("reservation", 1)])
    cache_put(b"generation", "name", b"value")
    mark_changing(DATES)
    mark_changed(DATES)
    return [
        claim_nudge("lane:1"),
        wait_decided("reservation", 1, 5),
        cache_generation(1, DAY),
        cache_get(b"generation", "name"),
        signals.is_up(),
    ]


NOTHING = [False, False, None, None, False]


def test_without_redis_every_call_answers_at_once() -> None:
    found: list[object] = []
    assert seconds_of(lambda: found.extend(everything())) < 0.5
    assert found == NOTHING
    assert signals.breaker.is_open


@pytest.mark.parametrize(
    "call",
    [
        lambda: signal_decided([("reservation", 1)]),
        lambda: wait_decided("reservation", 1, 5),
        lambda: mark_changed(DATES),
        lambda: claim_nudge("lane:1"),
    ],
    ids=["signal", "wait", "mark", "nudge"],
)
def test_any_failure_opens_the_breaker(call: Callable[[], object]) -> None:
    assert not signals.breaker.is_open
    assert seconds_of(call) < 0.5
    assert signals.breaker.is_open


def test_a_redis_that_hangs_costs_one_timeout(
    monkeypatch: pytest.MonkeyPatch, service_env: dict[str, str]
) -> None:
    """It accepts the connection and never answers."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{port}/0")
        settings.cache_clear()
        signals.client.cache_clear()
        signals._owed.add((1, "2026-03-06"))  # sent first, and that costs the timeout already
        assert seconds_of(lambda: claim_nudge("lane:1")) < 2.9
        assert seconds_of(everything) < 0.1
    signals._owed.clear()


def test_the_breaker_closes_by_itself(redis: RedisServer) -> None:
    assert claim_nudge("a")
    redis.kill()
    try:
        assert not claim_nudge("b")
    finally:
        redis.start()
    assert not claim_nudge("b")  # still refused, though Redis is back
    time.sleep(BREAK_SECONDS)
    assert claim_nudge("b")
    assert signals.is_up()


# --- generations


def test_what_is_kept_under_a_generation_is_read_under_it(redis: RedisServer) -> None:
    generation = cache_generation(1, DAY)
    assert generation
    assert cache_get(generation, "two") is None
    cache_put(generation, "two", b"value")
    assert cache_generation(1, DAY) == generation
    assert cache_get(generation, "two") == b"value"
    assert cache_get(generation, "three") is None
    assert len({cache_generation(1, DAY), cache_generation(2, DAY), cache_generation(1, "x")}) == 3


def test_a_change_makes_void_what_was_kept_and_what_is_kept_late(redis: RedisServer) -> None:
    """A slow reader stores its older state after the change: that entry is never read."""
    before = cache_generation(1, DAY)
    assert before
    mark_changing(DATES)
    assert cache_generation(1, DAY) is None
    mark_changed(DATES)
    after = cache_generation(1, DAY)
    assert after
    assert after != before
    cache_put(before, "two", b"old")
    assert cache_get(after, "two") is None


def test_with_two_changes_at_once_the_last_commit_invalidates_the_cache(redis: RedisServer) -> None:
    mark_changing(DATES)
    mark_changing(DATES)
    mark_changed(DATES)
    between = cache_generation(1, DAY)  # the second has not committed yet
    assert between
    cache_put(between, "two", b"old")
    mark_changed(DATES)
    after = cache_generation(1, DAY)
    assert after
    assert cache_get(after, "two") is None


def test_a_process_that_dies_while_it_commits_stops_the_cache_briefly(redis: RedisServer) -> None:
    mark_changing(DATES)
    with redis.client() as client:
        left = client.ttl(f"generation:1:{DAY}")
        assert 0 < left <= signals.CHANGING_SECONDS
        client.delete(f"generation:1:{DAY}")  # as when it expires
    assert cache_generation(1, DAY)


def test_readers_at_once_agree_on_a_generation(redis: RedisServer) -> None:
    found: list[bytes | None] = []
    readers = [
        threading.Thread(target=lambda: found.append(cache_generation(1, DAY))) for _ in range(8)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_what_is_kept_expires(redis: RedisServer) -> None:
    cache_put(b"generation", "two", b"value")
    with redis.client() as client:
        assert 0 < client.ttl(b"offer:generationtwo") <= signals.CACHE_SECONDS


def test_a_change_that_redis_missed_is_told_first_when_it_is_back(redis: RedisServer) -> None:
    """A decision commits while this process cannot reach Redis; other processes still read it."""
    generation = cache_generation(1, DAY)
    assert generation
    cache_put(generation, "two", b"old")
    signals.breaker.trip()
    mark_changing(DATES)
    mark_changed(DATES)
    signals.breaker._until = 0.0
    assert claim_nudge("lane:1")  # before any other signal
    after = cache_generation(1, DAY)
    assert after
    assert after != generation
    assert not signals._owed


def test_what_is_owed_stays_owed_while_redis_is_gone() -> None:
    mark_changed(DATES)
    signals.breaker._until = 0.0
    assert not claim_nudge("lane:1")
    assert signals._owed == set(DATES)


def test_a_redis_without_room_for_a_connection_is_named(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with redis.client() as held:
        held.config_set("maxclients", "1")
        try:
            assert attempt("get", "x") is None
        finally:
            held.config_set("maxclients", "1000")
    assert any(getattr(record, "error", "") == NO_ROOM for record in caplog.records)
