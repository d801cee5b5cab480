"""Redis as the house's short memory: claims on nudges, decided-signals, cache generations.

Everything here may vanish at any time. Each call answers at once when Redis is gone.
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
#: Tasks that wait in one queue; more would only be in the way when its workers come back.
MOST_WAITING = 200
SIGNAL_SECONDS = 60
CHANGING_SECONDS = 15
GENERATION_SECONDS = 600
CACHE_SECONDS = 60
_CHANGING = b"changing"
#: What an operator is told at Redis's `maxclients`.
NO_ROOM = "Redis takes no more connections: raise its maxclients (docs/runbooks/RedisGone.md)"


class Breaker:
    """After a failure, refuse for a second: a dead Redis costs one timeout, not one a request."""

    def __init__(self) -> None:
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls are refused now."""
        return time.monotonic() < self._until

    def trip(self) -> None:
        """Refuse for the next second."""
        self._until = time.monotonic() + BREAK_SECONDS


breaker = Breaker()


@lru_cache(maxsize=1)
def client() -> "redis.Redis":
    """The process's Redis client."""
    return make_client(answer_seconds=2)


def make_client(*, answer_seconds: float) -> "redis.Redis":
    """A client that waits so long for an answer, and never tries again by itself."""
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
    """What failed, without anything of the address: the error's name, or NO_ROOM."""
    return NO_ROOM if "max number of clients" in str(error).lower() else type(error).__name__


def attempt(command: str, *args: Any, default: Any = None, **options: Any) -> Any:
    """One Redis command; `default` when Redis is gone or was gone within the last second."""
    if _owed and not breaker.is_open:
        mark_changed(())  # where this was the timeout, it is not waited for a second time
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


# --- nudges: "lane 3 has work" is said once until the worker starts on it


def claim_nudge(name: str) -> bool:
    """Whether the caller should publish: False when somebody has, or when Redis is gone."""
    return bool(attempt("set", f"nudge:{name}", b"1", nx=True, ex=NUDGE_SECONDS, default=None))


def is_piled_up(queue: str) -> bool:
    """Whether so many tasks wait that the workers must be gone: the sweep finds the rows."""
    return int(attempt("llen", queue, default=0)) >= MOST_WAITING


def start_on(name: str) -> None:
    """The worker has begun: what comes from now on needs a nudge of its own."""
    attempt("delete", f"nudge:{name}")


# --- decided-signals: a caller who waits hears of the decision without polling


def signal_decided(ids: Iterable[tuple[str, int]]) -> None:
    """Tell who waits that these are decided. `ids`: ("reservation" | "change", id)."""
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
    """Wait up to `seconds` for the signal. False when the time ran out or Redis is gone."""
    if breaker.is_open:
        return False
    ends = time.monotonic() + seconds
    try:
        while (left := ends - time.monotonic()) > 0:
            # slices below the socket timeout, so that a slow decision is not taken for a dead
            # Redis; and never so short that Redis reads it as 0, which means for ever
            if client().blpop([f"decided:{kind}:{number}"], timeout=max(min(left, 1.0), 0.01)):
                return True
    except redis.RedisError:
        breaker.trip()
    return False


# --- the availability cache: entries live under a generation that every decision replaces


def _generation_key(restaurant_id: int, service_date: str) -> str:
    return f"generation:{restaurant_id}:{service_date}"


def mark_changing(dates: Iterable[tuple[int, str]]) -> None:
    """Before a commit: until it is through, nobody may cache what these dates offer."""
    _set_generations(dates, lambda: _CHANGING, CHANGING_SECONDS)


def mark_changed(dates: Iterable[tuple[int, str]]) -> None:
    """After a commit: whatever was cached for these dates is never read again."""
    _set_generations(dates, lambda: uuid.uuid4().bytes, GENERATION_SECONDS)


#: dates that Redis, then out of reach, was not told of: told before anything else when it is back
_owed: set[tuple[int, str]] = set()


def _set_generations(dates: Iterable[tuple[int, str]], make: Any, seconds: int) -> None:
    if breaker.is_open:
        _owed.update(dates)
        return
    owed = set(_owed)
    _owed.difference_update(owed)  # what others owe from now on, they owe still
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
    """Nothing was cached under `name`; None for the generation: nothing may be kept now."""

    generation: bytes | None
    name: str


def cache_generation(restaurant_id: int, service_date: str) -> bytes | None:
    """The generation to read and write under; None while it changes or Redis is gone.

    Taken *before* the database is read, so that what is cached under it is never older than it.
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
    """What was cached under the generation."""
    return cast("bytes | None", attempt("get", b"offer:" + generation + name.encode()))


def cache_put(generation: bytes, name: str, value: bytes) -> None:
    """Keep a value under the generation, for a minute at most."""
    attempt("set", b"offer:" + generation + name.encode(), value, ex=CACHE_SECONDS)
