"""The epoch of a promotion exceeds all others, whichever process wrote them."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select

from models.core import clock
from models.core.database.transactions import reading, unit
from models.entities.running import Promotion
from models.operations.running.promotions import write_promotion
from models.rules.promotions import next_epoch
from tasks.backups.restored_rows import prepare_rows
from tests.services.running.surroundings import settle
from tests.services.servers.redis import RedisServer

NOW = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())


def test_an_epoch_is_the_time_unless_a_wrong_clock_was_ahead() -> None:
    assert next_epoch(0, now=NOW) == SECONDS
    assert next_epoch(SECONDS + 3600, now=NOW) == SECONDS + 3601


def _write(server: str, *, newest: int = 0) -> int:
    return unit(lambda session: write_promotion(session, server, newest=newest, now=NOW))


@pytest.mark.both
def test_a_promotion_is_written_once_unless_another_came_after_it(db: Engine) -> None:
    first = _write("one:3306")
    assert _write("one:3306") == first
    other = _write("two:3306")
    assert other > first
    back = _write("one:3306")
    assert back > other
    # one that is recorded in Redis only
    assert _write("one:3306", newest=back + 10) == back + 11


@pytest.mark.both
def test_a_restored_database_counts_as_promoted_now(db: Engine) -> None:
    now = clock.now()
    before = unit(lambda session: write_promotion(session, "one:3306", newest=0, now=now))
    prepare_rows(db, until=now, now=now + timedelta(hours=1))
    with reading() as session:
        assert (session.scalar(select(func.max(Promotion.epoch))) or 0) >= before + 3600


@pytest.mark.both
def test_a_restored_database_counts_as_promoted_after_all_that_redis_remembers(
    db: Engine, redis_there: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the last promotion's machine was a day ahead of this machine's."""
    pair = "mysql+mysqldb://somebody@127.0.0.1:1,127.0.0.1:2/restored"
    mine = {"REDIS_URL": redis_there.url, "DATABASE_URL": pair}
    settle(monkeypatch, dict(os.environ) | mine)
    now = clock.now()
    remembered = int((now + timedelta(days=1)).timestamp())
    with redis_there.client() as client:
        client.zadd("promotions", {"restored": remembered})
    prepare_rows(db, until=now, now=now)
    with reading(db) as session:
        epoch = session.scalar(select(func.max(Promotion.epoch))) or 0
    assert epoch >= remembered, "each process would say that this server was replaced"
