"""The surroundings of a test's process: environment, caches, broker."""

import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from kombu import pools

SECRET = "only-for-tests-only-for-tests-only-for-tests"
MASTER = "seals-the-keyset-of-the-tests-and-nothing-else"
#: a keyset that MASTER opens; never written by a test
KEYSET = Path(__file__).with_name("keyset.json")
#: nothing listens there, so connections are refused immediately
NOWHERE_REDIS = "redis://127.0.0.1:1/0"
NOWHERE_SMTP = "smtp://127.0.0.1:1"
_PACKAGES = ("models", "tasks", "workers", "schedules", "web", "deploy")


def environment(
    folder: Path, *, database_url: str, redis_url: str = NOWHERE_REDIS, smtp_url: str = NOWHERE_SMTP
) -> dict[str, str]:
    """The environment variables of every process of one test's Maitred."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SMTP_URL": smtp_url,
        "SECRET_KEY": SECRET,
        "MASTER_KEY": MASTER,
        "KEYSET_FILE": str(KEYSET),
        "ERASURES_FILE": str(folder / "erasures.jsonl"),
        "SMS_CHANNEL": "file",
        "SMS_FILE": str(folder / "sms.jsonl"),
        "FLOWER_PASSWORD": "only-for-tests",
        "ENVIRONMENT": "test",
        "LOG_FORMAT": "json",
        "SENTRY_DSN": "",
        "RATE_LIMITS": "off",
    }


def settle(patch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    """Give this process that environment, and clear everything cached from another one."""
    for name, value in values.items():
        patch.setenv(name, value)
    forget_everything()
    app = getattr(sys.modules.get("tasks.app"), "app", None)
    if app is not None and app.conf.broker_url != values["REDIS_URL"]:
        app.conf.broker_url = app.conf.broker_write_url = values["REDIS_URL"]
        # kombu keeps pools by URL for ever; another test's closed pool must not come back
        pools.reset()  # type: ignore[no-untyped-call]
        app.__dict__.pop("amqp", None)
        app._pool = None


@lru_cache(maxsize=1)
def _caches(names: tuple[str, ...]) -> list[tuple[str, str, Any]]:
    """Every `lru_cache` of these modules: the module, the function's name, the function."""
    return [
        (name, key, value)
        for name in names
        for key, value in list(vars(sys.modules[name]).items())
        # of the type, so that Flask's proxies are not evaluated outside a request
        if hasattr(type(value), "cache_clear") and value.__module__ == name
    ]


def forget_everything() -> None:
    """Empty every `lru_cache` and every known process cache of the product's modules."""
    names = tuple(name for name in sys.modules if name.partition(".")[0] in _PACKAGES)
    for name, key, value in _caches(names):
        if (name, key) == (
            "models.core.database.transactions",
            "engine",
        ) and value.cache_info().currsize:
            value().dispose()
        value.cache_clear()
    floor = sys.modules.get("models.queries.floor.load")
    if floor is not None:
        floor.forget_restaurants()
    signals = sys.modules.get("models.core.redis.signals")
    if signals is not None:
        signals.breaker._until = 0.0
        signals._owed.clear()
    tallies = sys.modules.get("models.core.redis.counters")
    if tallies is not None:
        tallies.breaker._until = 0.0
        tallies._here._found.clear()
