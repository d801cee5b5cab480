"""Rate-limit counters in fixed time windows: in Redis for all processes, else in this process."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import redis

from models.core import clock
from models.core.redis.signals import Breaker, make_client
from models.core.secrets import signing

log = logging.getLogger(__name__)

#: The longest that an unresponsive Redis may delay a request, and at most once a second.
ANSWER_SECONDS: Final = 0.25
#: Most names counted in this process while Redis is gone; beyond that, expired counters are
#: dropped, or all of them if too many remain.
_KEPT: Final = 50_000
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
#: One round trip for any number of tallies; a tally lives as long as its window.
_SCRIPT: Final = """
local found = {}
for i, name in ipairs(KEYS) do
  found[i] = redis.call('INCRBY', name, ARGV[1])
  if found[i] == tonumber(ARGV[1]) then redis.call('EXPIRE', name, ARGV[1 + i]) end
end
return found
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit: `amount` per window of `seconds`."""

    amount: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Tally:
    """A counter: its limit, the kind of event counted, and an anonymous name."""

    rate: Rate
    kind: str
    name: str


@lru_cache(maxsize=64)
def rate(text: str) -> Rate:
    """Parse a setting such as `10/15minutes`; the settings check its form (RATE)."""
    amount, _, window = text.partition("/")
    unit = window.lstrip("0123456789")
    return Rate(int(amount), int(window.removesuffix(unit) or 1) * _SECONDS[unit.removesuffix("s")])


def nameless(text: str) -> str:
    """A keyed hash, so that no address or guest can be read in Redis."""
    return signing.nameless(text, place="redis")


def count(tallies: Sequence[Tally], *, by: int = 1) -> int:
    """Add `by` to each tally (`by=0` only checks). Seconds to wait if one is over; else 0.

    When checking, a tally is over once its amount is reached; when counting, once it is exceeded.
    One round trip to Redis of at most ANSWER_SECONDS; if Redis is gone, this process counts by
    itself.
    """
    now = int(clock.now().timestamp())
    names = [_window(tally, now) for tally in tallies]
    seconds = [tally.rate.seconds for tally in tallies]
    found = _in_redis(names, seconds, by)
    if found is None:
        found = _here.count(names, [now - now % span + span for span in seconds], now, by)
    waits = [
        tally.rate.seconds - now % tally.rate.seconds
        for tally, hits in zip(tallies, found, strict=True)
        if hits + (by == 0) > tally.rate.amount
    ]
    return max(waits, default=0)


def forget(tally: Tally) -> None:
    """Reset this tally's current window."""
    name = _window(tally, int(clock.now().timestamp()))
    _here.forget(name)
    try:
        if not breaker.is_open:
            _client().delete(name)
    except redis.RedisError:
        breaker.trip()


def _window(tally: Tally, now: int) -> str:
    return f"tally:{tally.kind}:{tally.name}:{now // tally.rate.seconds}"


class _Here:
    """The tallies of this process: name -> (count, second at which it ends)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, tuple[int, int]] = {}

    def count(self, names: Sequence[str], ends: Sequence[int], now: int, by: int) -> list[int]:
        with self._lock:
            if len(self._found) > _KEPT:
                live = {name: kept for name, kept in self._found.items() if kept[1] > now}
                self._found = live if len(live) <= _KEPT // 2 else {}
            for name, end in zip(names, ends, strict=True):
                self._found[name] = (self._found.get(name, (0, end))[0] + by, end)
            return [self._found[name][0] for name in names]

    def forget(self, name: str) -> None:
        with self._lock:
            self._found.pop(name, None)


_here = _Here()
#: separate: a Redis too slow for counters may still be fast enough for everything else
breaker = Breaker()


@lru_cache(maxsize=1)
def _client() -> "redis.Redis":
    return make_client(answer_seconds=ANSWER_SECONDS)


@lru_cache(maxsize=1)
def _script() -> Any:
    return _client().register_script(_SCRIPT)


def _in_redis(names: Sequence[str], seconds: Sequence[int], by: int) -> list[int] | None:
    if breaker.is_open:
        return None
    try:
        found: list[int] = _script()(keys=names, args=[by, *seconds])
    except redis.RedisError as error:
        breaker.trip()
        log.warning("redis unavailable", extra={"command": "tally", "error": type(error).__name__})
        return None
    return found
