"""Prometheus metrics of decisions and messages: counts and durations.

Counted after the commit, so that a round that was rolled back is not counted.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from prometheus_client import Counter, Histogram

from models.operations.deciding.rounds import Answer, Decided
from models.queries.messages.outgoing import Outgoing
from models.rules.deciding.reseating import CHAIN_STEPS, EXACT_STEPS, Search
from models.rules.messages.notifying import Kind

#: include the bounds of the objectives: 99% decided in 2 s, 99% notified in 60 s
_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800)

_CHANNELS: Final = ("email", "sms")
_RESULTS: Final = ("sent", "skipped", "limited", "delayed", "retried", "failed")

_DECISIONS: Final = Counter(
    "maitred_decisions_total",
    "Decisions by kind (request, change, promotion) and outcome.",
    ("kind", "outcome"),
)
_DECIDED: Final = Histogram(
    "maitred_decision_seconds",
    "Seconds from a request to its decision.",
    ("kind",),
    buckets=_SECONDS,
)
_ROUND: Final = Histogram(
    "maitred_round_answers",
    "Decisions of one round, all in one transaction.",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
)
_SEARCHES: Final = Counter(
    "maitred_room_searches_total",
    "Searches for a table when none is free, by result.",
    ("result",),
)
#: The second name is the former one, for dashboards of the release before.
_STEPS: Final = tuple(
    Histogram(
        name,
        f"Steps of one search: at most {CHAIN_STEPS} by each chain, {EXACT_STEPS} by the exact"
        " search.",
        buckets=(10, 100, 1_000, 2_500, 5_000, 10_000, 15_000, 25_000),
    )
    for name in ("maitred_room_search_steps", "maitred_room_search_looks")
)
_MOVED: Final = Counter(
    "maitred_reseated_parties_total", "Parties moved to another table to make room."
)
_MESSAGES: Final = Counter(
    "maitred_messages_total",
    "Messages by result: sent, skipped, limited, delayed, retried or failed.",
    ("channel", "kind", "result"),
)
#: The second name is the former one, for rules and dashboards of the release before.
_NOTIFIED: Final = tuple(
    Histogram(
        name,
        "Seconds from a decision until the provider accepted the message.",
        ("channel",),
        buckets=_SECONDS,
    )
    for name in ("maitred_message_seconds", "maitred_told_seconds")
)
_PROVIDER: Final = Histogram(
    "maitred_provider_seconds",
    "Seconds that the mail server or the SMS provider took for one message.",
    ("channel",),
    buckets=_SECONDS,
)

# Exported as zeros from the start: a series that appears with its first event has no rate yet, and
# an alert on rates would miss that event.
for _channel in _CHANNELS:
    for _each in _NOTIFIED:
        _each.labels(_channel)
    _PROVIDER.labels(_channel)
    for _kind in Kind:
        for _result in _RESULTS:
            _MESSAGES.labels(_channel, _kind, _result)
for _asked in ("request", "change"):
    _DECIDED.labels(_asked)
for _search in Search:
    _SEARCHES.labels(_search)


def count_round(decided: Decided, *, now: datetime) -> None:
    """Count the answers of one round and its searches for room."""
    if decided.answers:
        _ROUND.observe(len(decided.answers))
    _count_answers(decided.answers, now)
    for room in decided.searches:
        _SEARCHES.labels(room.search).inc()
        for each in _STEPS:
            each.observe(room.steps)
        _MOVED.inc(len(room.moves))


def _count_answers(answers: Iterable[Answer], now: datetime) -> None:
    for answer in answers:
        _DECISIONS.labels(answer.kind, answer.outcome).inc()
        if answer.asked_at is not None:
            _DECIDED.labels(answer.kind).observe(max(0.0, (now - answer.asked_at).total_seconds()))


def count_message(message: Outgoing, result: str) -> None:
    """Count one message by `result`, one of _RESULTS; a sent one goes through `count_sent`."""
    _MESSAGES.labels(message.channel, message.kind, result).inc()


def count_sent(message: Outgoing, *, at: datetime, provider_seconds: float) -> None:
    """Count one message that the provider accepted.

    The time since its creation is not observed for reminders, which wait for their hour.
    """
    count_message(message, "sent")
    _PROVIDER.labels(message.channel).observe(provider_seconds)
    if message.kind != Kind.REMINDER:
        waited = (at - message.created_at).total_seconds()
        for each in _NOTIFIED:
            each.labels(message.channel).observe(max(0.0, waited))
