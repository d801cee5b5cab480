"""Short-lived data in Redis: claims on nudges, decided-signals, cache generations.

All of it may vanish at any time. Each call returns immediately if Redis is gone.
"""

import logging
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import redis

from models.core import tls
from models.core.settings import settings

log = logging.getLogger(__name__)

CONNECT_SECONDS = 0.3
BREAK_SECONDS = 1.0
NUDGE_SECONDS = 5
#: Most tasks waiting in one queue; more would only delay the workers when they return.
MOST_WAITING = 200
SIGNAL_SECONDS = 60
CHANGING_SECONDS = 15
GENERATION_SECONDS = 600
CACHE_SECONDS = 60
_CHANGING = b"changing"
#: The message to operators when Redis's `maxclients` is reached.
NO_ROOM = "Redis takes no more connections: raise its maxclients (docs/runbooks/RedisGone.md)"


class Breaker:
    """Refuse calls for a second after a failure, so that a dead Redis costs one timeout in all."""

    def __init__(self) -> None:
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls are refused now."""
        return time.monotonic() < self._until

    def trip(self) -> None:
        """Refuse calls for the next second."""
        self._until = time.monotonic() + BREAK_SECONDS


breaker = Breaker()


@lru_cache(maxsize=1)
def client() -> "redis.Redis":
    """The process's Redis client."""
    return make_client(answer_seconds=2)


def make_client(*, answer_seconds: float) -> "redis.Redis":
    """A client that waits that long for an answer, and never retries."""
    return redis.Redis.from_url(
        settings().redis_url,
        socket_connect_timeout=min(CONNECT_SECONDS, answer_seconds),
        socket_timeout=answer_seconds,
        retry=None,
        health_check_interval=0,
        max_connections=64,
        **tls.redis_client(),
    )


def in_short(error: Exception) -> str:
    """The failure without any part of the address: the error's class name, or NO_ROOM."""
    return NO_ROOM if "max number of clients" in str(error).lower() else type(error).__name__


def attempt(command: str, *args: Any, default: Any = None, **options: Any) -> Any:
    """Run one Redis command; `default` if Redis is gone or was gone within the last second."""
    if _owed and not breaker.is_open:
        mark_changed(())  # if this times out, the breaker opens, so there is no second timeout
    if breaker.is_open:
        return default
    try:
        return getattr(client(), command)(*args, **options)
    except redis.RedisError as error:
        breaker.trip()
        log.warning("redis unavailable", extra={"command": command, "error": in_short(error)})
        return default


def is_up() -> bool:
    """Whether Redis answers now."""
    return bool(attempt("ping", default=False))


def is_gone() -> bool:
    """Whether Redis did not answer a moment ago; it is not asked."""
    return breaker.is_open


# --- nudges: "lane 3 has work" is published once until the worker starts on it


def claim_nudge(name: str) -> bool:
    """Whether the caller should publish: False if somebody else has, or if Redis is gone."""
    return bool(attempt("set", f"nudge:{name}", b"1", nx=True, ex=NUDGE_SECONDS, default=None))


def is_piled_up(queue: str) -> bool:
    """Whether so many tasks wait that the workers must be gone; the sweep will find the rows."""
    return int(attempt("llen", queue, default=0)) >= MOST_WAITING


def start_on(name: str) -> None:
    """The worker has started: work that arrives from now on needs a nudge of its own."""
    attempt("delete", f"nudge:{name}")


# --- decided-signals: a waiting caller is notified of the decision without polling


def signal_decided(ids: Iterable[tuple[str, int]]) -> None:
    """Notify waiting callers that these are decided. `ids`: ("reservation" | "change", id)."""
    names = [f"decided:{kind}:{number}" for kind, number in ids]
    if not names or breaker.is_open:
        return
    try:
        with client().pipeline(transaction=False) as pipe:
            for name in names:
                pipe.rpush(name, b"1")
                pipe.expire(name, SIGNAL_SECONDS)
            pipe.execute()
    except redis.RedisError:
        breaker.trip()


def wait_decided(kind: str, number: int, seconds: float) -> bool:
    """Wait up to `seconds` for the signal. False if the time ran out or Redis is gone."""
    if breaker.is_open:
        return False
    ends = time.monotonic() + seconds
    try:
        while (left := ends - time.monotonic()) > 0:
            # slices shorter than the socket timeout, so that a slow decision does not look like a
            # dead Redis; and never so short that Redis reads 0, which means no limit
            if client().blpop([f"decided:{kind}:{number}"], timeout=max(min(left, 1.0), 0.01)):
                return True
    except redis.RedisError:
        breaker.trip()
    return False


# --- the availability cache: entries live under a generation that every decision replaces


def _generation_key(restaurant_id: int, service_date: str) -> str:
    return f"generation:{restaurant_id}:{service_date}"


def mark_changing(dates: Iterable[tuple[int, str]]) -> None:
    """Before a commit: until it is complete, availability of these dates must not be cached."""
    _set_generations(dates, lambda: _CHANGING, CHANGING_SECONDS)


def mark_changed(dates: Iterable[tuple[int, str]]) -> None:
    """After a commit: entries cached for these dates are never read again."""
    _set_generations(dates, lambda: uuid.uuid4().bytes, GENERATION_SECONDS)


#: dates whose change could not be sent to Redis; sent before anything else when it is back
_owed: set[tuple[int, str]] = set()


def _set_generations(dates: Iterable[tuple[int, str]], make: Any, seconds: int) -> None:
    if breaker.is_open:
        _owed.update(dates)
        return
    owed = set(_owed)
    _owed.difference_update(owed)  # dates that other threads add from now on stay
    wanted = owed.union(dates)
    if not wanted:
        return
    try:
        with client().pipeline(transaction=False) as pipe:
            for restaurant_id, service_date in wanted:
                pipe.set(_generation_key(restaurant_id, service_date), make(), ex=seconds)
            pipe.execute()
    except redis.RedisError:
        _owed.update(wanted)
        breaker.trip()


@dataclass(frozen=True, slots=True)
class Miss:
    """Nothing is cached under `name`. If `generation` is None, nothing may be cached now."""

    generation: bytes | None
    name: str


def cache_generation(restaurant_id: int, service_date: str) -> bytes | None:
    """The generation to read and write under; None while it changes or if Redis is gone.

    Take it *before* reading the database, so that no entry under it is older than it.
    """
    key = _generation_key(restaurant_id, service_date)
    found = attempt("get", key)
    if found is None:
        fresh = uuid.uuid4().bytes
        if attempt("set", key, fresh, nx=True, ex=GENERATION_SECONDS):
            return fresh
        found = attempt("get", key)
    return None if found == _CHANGING else cast("bytes | None", found)


def cache_get(generation: bytes, name: str) -> bytes | None:
    """The value cached under the generation, if any."""
    return cast("bytes | None", attempt("get", b"offer:" + generation + name.encode()))


def cache_put(generation: bytes, name: str, value: bytes) -> None:
    """Cache a value under the generation, for at most a minute."""
    attempt("set", b"offer:" + generation + name.encode(), value, ex=CACHE_SECONDS)
