"""Metrics of the work for Prometheus: decisions, and results of messages."""

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from models.core import clock
from tasks.allocation import decide
from tasks.messages import deliver
from tests.operations.evenings import ONE_TABLE, a_stand
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, Stand
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.redis import RedisServer
from tests.tasks.mail_order import order, reserve


class Grown:
    """The growth of samples."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}

    def of(self, name: str, **labels: str) -> float:
        """The growth since the last call; at first since the process began."""
        found = REGISTRY.get_sample_value(name, labels) or 0.0
        key = (name, tuple(sorted(labels.items())))
        return found - self._before.setdefault(key, found)


@pytest.fixture
def evening(db: Engine, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Stand:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return a_stand(db, tables=ONE_TABLE)


def test_answers_are_counted_and_timed(evening: Stand) -> None:
    grown, kinds = Grown(), ("confirmed", "waitlisted")

    def counts() -> list[float]:
        named: dict[str, Any] = {"name": "maitred_decisions_total", "kind": "request"}
        return [grown.of(**named, outcome=kind) for kind in kinds] + [
            grown.of("maitred_decision_seconds_count", kind="request"),
            grown.of("maitred_round_answers_count"),
        ]

    counts()
    for _ in range(2):
        evening.request()
    decide(evening.restaurant.id % 4)
    assert counts() == [1, 1, 2, 1]


def test_what_became_of_messages_is_counted(
    restaurant: Callable[..., OpenRestaurant], mailbox: Mailbox
) -> None:
    grown = Grown()

    def counts() -> list[float]:
        about = {"channel": "email", "kind": "confirmation"}
        return [
            grown.of("maitred_messages_total", **about, result="sent"),
            grown.of("maitred_messages_total", **about, result="skipped"),
            grown.of("maitred_message_seconds_count", channel="email"),
            grown.of("maitred_told_seconds_count", channel="email"),  # of the release before
            grown.of("maitred_provider_seconds_count", channel="email"),
        ]

    opened = restaurant()
    order(reserve(opened.id, number=1))
    order(reserve(opened.id, number=2, guest_email=None))
    counts()
    deliver()
    assert counts() == [1, 1, 1, 1, 1]
