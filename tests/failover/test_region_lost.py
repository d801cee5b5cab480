"""The primary is killed under the running installation: the outage is short."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from models.core.database import transactions as core_db
from models.core.settings import settings
from tests.architecture.tree import ROOT
from tests.deploy.cli.test_cli import run
from tests.failover.pair import Pair, is_read_only
from tests.failover.writers import Writers
from tests.faults.guests import Crowd, assert_all_checks_pass
from tests.services import plan
from tests.services.running.process import Process, wait_until
from tests.services.running.stack import Stack
from tests.services.running.surroundings import settle
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.redis import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.mariadb]
HALL = {str(number): ("hall", 1, 4) for number in range(12)}
#: "writable in under 5 s"
WRITABLE_SECONDS = 5


@pytest.fixture
def restaurant_there(
    pair: Pair, mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stack]:
    """The whole installation, with both servers in its URL."""
    (tmp_path / "maitred").mkdir()
    redis = RedisServer(tmp_path / "redis")
    redis.start()
    restaurant = Stack(
        tmp_path / "maitred",
        database_url=pair.database_url,
        redis=redis,
        mailbox=mailbox,
        workers=1,
    )
    restaurant.env |= {"FAILOVER_URL": pair.failover_url}
    for process in restaurant.processes.values():
        process.env |= restaurant.env
    settle(monkeypatch, restaurant.env)
    restaurant.start()
    yield restaurant
    restaurant.stop()
    redis.kill()


def _watcher(restaurant: Stack, name: str, watch: str) -> Process:
    command = [sys.executable, "-m", "deploy.cli", "failover", watch, "--no-backup"]
    process = Process(
        name,
        command,
        log=restaurant.folder / f"{name}.log",
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        | restaurant.env,
        cwd=ROOT,
    )
    process.start()
    return process


def _engine() -> Engine:
    return core_db.engine()


def test_the_primary_is_killed_and_the_restaurant_goes_on(
    pair: Pair, restaurant_there: Stack
) -> None:
    stack = restaurant_there
    restaurant = stack.open_restaurant(tables=HALL)
    # the second is a service set up with the release before
    spellings = ("watch", "--watch")
    watchers = [_watcher(stack, f"watcher{number}", each) for number, each in enumerate(spellings)]
    for watcher in watchers:
        watcher.wait_ready(lambda watcher=watcher: "semi-synchronous" in watcher.tail())  # type: ignore[misc]
    with (
        Crowd(stack, restaurant, guests=3, pause=0.15) as crowd,
        Writers(pair.database_url, count=2) as writers,
    ):
        wait_until(lambda: len(crowd.accepted) > 10, seconds=30, what="a crowd")
        pair.one.kill()
        stack.redis.flush()  # it has no copy in the other region and needs none
        killed, before = time.monotonic(), len(crowd.accepted)
        wait_until(lambda: writers.at and writers.at[-1] > killed, seconds=30, what="a write there")
        writable = writers.at[-1] - killed
        wait_until(lambda: len(crowd.accepted) > before + 5, seconds=30, what="guests again")
        # the scheduler and the workers reconnected by themselves
        wait_until(
            lambda: "the workers: connected after" in watchers[0].tail() + watchers[1].tail(),
            seconds=40,
            what="the workers",
        )
        pair.one.start()
        assert is_read_only(pair.one)
        run("failover", "return", "--wait", "0", "--no-backup")
        assert not is_read_only(pair.one)
        back = len(crowd.accepted)
        wait_until(lambda: len(crowd.accepted) > back + 5, seconds=30, what="guests after that")
    print(f"writable after {writable:.1f} s; {len(writers.acknowledged)} acknowledged")
    said = "".join(process.tail() for process in watchers)
    assert said.count("writes were refused for") == 1, said
    assert writable < WRITABLE_SECONDS
    for process in watchers:
        process.terminate()
        assert process.exit_code == 0, process.tail()
    # nothing acknowledged is lost, and a request repeated with its key is one reservation
    assert not writers.lost(_engine())
    assert not crowd.unanswered
    assert {each.status for each in crowd.refused} <= {409, 503}
    assert len(set(crowd.ids)) == len(crowd.ids)
    stack.engine.dispose()
    assert "requested" not in stack.wait_decided(crowd.ids).values()
    assert_all_checks_pass(stack)
    told = Counter(
        recipient
        for mail in stack.mailbox.mails()
        for recipient in mail.recipients
        if recipient in crowd.emails
    )
    assert told.keys() == crowd.emails
    # both switches may fall between the mail server's acceptance and its record, once per sender
    assert sum(told.values()) <= len(told) + 2 * settings().senders
    run("check", "--grace", "0")
    said = f"killed: writable after {writable:.1f} s, 0 of {len(writers.acknowledged)} lost"
    for line in ("failover", "second-region"):
        plan.prove(line=line, target="hosts", how="seen", figure=said)
