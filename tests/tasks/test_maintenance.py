"""The maintenance tasks: each finds work without a nudge, and records its run."""

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from models.core import clock
from models.core.database.transactions import reading, transaction
from models.entities import HealthChange, IdempotencyKey, JobRun, Message, ShiftDay
from models.operations.running.flags import set_flag
from models.queries.running import flags
from models.rules.health import LATE_AFTER
from tasks import maintenance
from tasks.app import app
from tasks.jobs import retention
from tasks.jobs.stand import STAND_JOBS
from tasks.nudges import flush_nudges, nudge_messages
from tests.operations.evenings import ONE_TABLE, a_stand, book_rows
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW
from tests.services.servers.redis import RedisServer

pytestmark = pytest.mark.both


def job(name: str) -> JobRun:
    with reading() as session:
        row = session.get_one(JobRun, name)
        session.expunge(row)
        return row


def waiting(server: RedisServer, queue: str) -> list[dict[str, Any]]:
    """The tasks in a queue."""
    assert flush_nudges()
    with server.client() as client:
        found: list[bytes] = client.lrange(queue, 0, -1)
    return [json.loads(line)["headers"] for line in found]


def message(state: str, **values: Any) -> Message:
    now = clock.now()
    shape: dict[str, Any] = {
        "restaurant_id": 1,
        "reservation_id": 1,
        "reservation_revision": 1,
        "kind": "confirmation",
        "channel": "email",
        "due_at": now - timedelta(seconds=1),
        "created_at": now,
    }
    return Message(state=state, **shape | values)


@pytest.fixture
def freed(restaurant: Callable[..., OpenRestaurant]) -> OpenRestaurant:
    """A restaurant with a freed book and no nudge for it."""
    opened = restaurant()
    with transaction() as session:
        session.add(
            ShiftDay(
                id=1,
                restaurant_id=opened.id,
                shift_id=opened.shifts["dinner"],
                service_date=clock.now().date(),
                freed_at=clock.now(),
            )
        )
    return opened


def test_the_sweep_nudges_what_waits(db: Engine, redis: RedisServer, freed: OpenRestaurant) -> None:
    with transaction() as session:
        session.add(message("queued"))
    maintenance.sweep()
    (decide,) = waiting(redis, "allocation")
    assert (decide["task"], decide["argsrepr"]) == ("allocation.decide", f"[{freed.id % 4}]")
    assert [task["task"] for task in waiting(redis, "messages")] == ["messages.deliver"]
    assert job("sweep").result == {
        "released": 0,
        "flags_seen": 0,
        "lanes": [freed.id % 4],
        "messages_due": True,
    }


def test_a_restaurant_at_rest_is_not_nudged(
    db: Engine, redis: RedisServer, restaurant: Callable[..., OpenRestaurant]
) -> None:
    restaurant()
    with transaction() as session:
        session.add(message("queued", due_at=clock.now() + timedelta(hours=1)))
    maintenance.sweep()
    assert waiting(redis, "allocation") == waiting(redis, "messages") == []


def test_the_sweep_puts_stuck_sends_back(db: Engine, redis: RedisServer) -> None:
    with transaction() as session:
        expired = clock.now() - timedelta(seconds=1)
        session.add(message("sending", claim="dead", claimed_until=expired))
    maintenance.sweep()
    with reading() as session:
        assert session.scalar(select(Message.state)) == "queued"
    assert len(waiting(redis, "messages")) == 1


def test_the_sweep_works_without_redis(db: Engine, freed: OpenRestaurant) -> None:
    maintenance.sweep()
    assert job("sweep").last_error is None


def test_every_job_is_written_down(db: Engine, redis: RedisServer) -> None:
    before = clock.now()
    for name in STAND_JOBS:
        app.tasks[f"maintenance.{name}"]()
    maintenance.forget()
    maintenance.heartbeat("messages")
    for name in (*STAND_JOBS, "forget", "heartbeat.messages"):
        row = job(name)
        assert row.last_success is not None
        assert row.last_success >= before
        assert row.last_error is None


def test_a_failing_job_is_written_down_and_fails(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise LookupError("kim@guests.example")

    monkeypatch.setattr(retention, "forget_old", fail)
    with pytest.raises(LookupError):
        maintenance.forget()
    row = job("forget")
    assert (row.last_error, row.last_success) == ("LookupError", None)


def test_the_health_sweep_keeps_and_says_what_is_late(
    db: Engine, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    maintenance.health()
    assert "work overdue" not in caplog.text
    with transaction() as session:  # created a minute ago, without a sweep since
        opened = clock.now() - timedelta(seconds=LATE_AFTER["sweep"] + 1)
        session.execute(update(HealthChange).values(at=opened))
    with caplog.at_level(logging.WARNING):
        maintenance.health()
    result = job("health").result
    assert result is not None
    assert result["redis"] is True
    assert "sweep" in result["late"]
    assert "work overdue" in caplog.text


def test_old_keys_are_forgotten_in_as_many_rounds_as_it_takes(db: Engine) -> None:
    long_ago = clock.now() - timedelta(days=3)
    with transaction() as session:
        session.add_all(
            IdempotencyKey(
                key=number.to_bytes(32, "big"),
                body=bytes(32),
                reference="X",
                created_at=long_ago,
            )
            for number in range(2_500)
        )
    maintenance.forget()
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0
    assert job("forget").result == {"forgotten": 2_500}


def test_a_nudge_is_sent_once_until_the_worker_begins(db: Engine, redis: RedisServer) -> None:
    for _ in range(3):
        nudge_messages()
    assert len(waiting(redis, "messages")) == 1


def test_waitlists_are_asked_again_where_offers_were_switched(
    db: Engine, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    first, waiting = stand.ask(), stand.ask()
    stand.do(partial(set_flag, name="waitlist-offers", percent=0, now=NOW, actor="operator"))
    flags.refresh()
    stand.cancel(first)
    assert stand.row(waiting).status == "waitlisted"
    stand.do(partial(set_flag, name="waitlist-offers", percent=100, now=NOW, actor="operator"))
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(seconds=1))
    maintenance.sweep()  # another process may have an older copy
    assert not any(row.freed_at for row in book_rows(stand))
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(seconds=3))
    maintenance.sweep()
    assert any(row.freed_at for row in book_rows(stand))
    flags.database_flags.cache_clear()
    flags._evaluator.cache_clear()
    flags.refresh()
    stand.drain(now=NOW + timedelta(seconds=4))
    assert stand.row(waiting).status == "confirmed"
    maintenance.sweep()  # applied once
    assert not any(row.freed_at for row in book_rows(stand))
