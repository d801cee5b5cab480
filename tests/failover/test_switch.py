"""Planned and forced switches: nothing lost, never two primaries, refused when in doubt."""

import os
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from models.core.database.servers import split_url
from models.core.database.transactions import engine, reading
from models.entities.running import JobRun
from tasks.failover import server as servers
from tasks.failover.after import JOB
from tasks.failover.faults import FailoverRefused
from tasks.failover.overview import all_servers
from tasks.failover.switch import FailoverRequest, Switched
from tasks.failover.watch import MISSES, FailoverWatch
from tests.deploy.cli.test_cli import run
from tests.failover.pair import Pair, is_read_only, name_of
from tests.failover.writers import Writers
from tests.services import plan
from tests.services.running import surroundings
from tests.services.running.process import wait_until
from tests.services.servers.mariadb import MariaDB

pytestmark = pytest.mark.mariadb
QUICK = ("--wait", "0", "--no-backup")


def _primary(pair: Pair) -> list[MariaDB]:
    return _primary_of(*pair.servers)


def _write_some(writers: Writers, count: int = 10) -> None:
    already = len(writers.acknowledged)
    wait_until(lambda: len(writers.acknowledged) > already + count, seconds=30, what="more writes")


def _fresh() -> Engine:
    """The product's engine, as in a process that was running all the time."""
    return engine()


def test_there_and_back_under_load_with_nothing_lost(pair: Pair) -> None:
    with Writers(pair.database_url, count=2) as writers:
        _write_some(writers)
        there = run("failover", "promote", "--to", name_of(pair.two), *QUICK).output
        assert _primary(pair) == [pair.two]
        _write_some(writers)
        back = run("failover", "return", *QUICK).output
        assert _primary(pair) == [pair.one]
        _write_some(writers)
    for said in (there, back):
        assert "lost: nothing\n" in said
        assert "follows" in said
    assert not writers.lost(_fresh())
    assert writers.longest_pause() < 15, "writes stopped for long"
    with reading() as session:
        found = session.get_one(JobRun, JOB).result
    assert found is not None
    assert found["primary"] == name_of(pair.one)
    assert found["lost"] == []
    # repeating it has no effect
    assert "nothing to do" in run("failover", "promote", *QUICK).output
    pause = f"writes paused for {writers.longest_pause():.1f} s"
    said = f"there and back, {pause}, 0 of {len(writers.acknowledged)} lost"
    plan.prove(line="failover", target="hosts", how="seen", figure=said)


class _Killed(BaseException):
    """Simulates the death of the process: nothing catches it."""


STEPS = ["fence", "stop_receiving", "promote", "follow"]


def _die_after(patch: pytest.MonkeyPatch, step: str) -> None:
    real: Callable[..., Any] = getattr(servers.DatabaseServer, step)

    def dying(*args: Any, **named: Any) -> Any:
        real(*args, **named)
        raise _Killed

    patch.setattr(servers.DatabaseServer, step, dying)


def test_killed_after_any_step_and_run_again_it_ends_the_same(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, other = pair.two, pair.one
    for step in STEPS:
        command = ("failover", "promote", "--to", name_of(target), *QUICK)
        with monkeypatch.context() as patch:
            _die_after(patch, step)
            with pytest.raises(_Killed):
                run(*command)
        assert len(_primary(pair)) <= 1, step
        run(*command)
        assert _primary(pair) == [target], step
        assert "not connected" not in run("failover", "check").output, step
        target, other = other, target


def test_what_was_acknowledged_survives_a_kill_on_the_old_server_alone(pair: Pair) -> None:
    """innodb-flush-log-at-trx-commit=3: with 1 the newest of these is cut off (init-rpl-role)."""
    with Writers(pair.database_url, count=1) as writers:
        _write_some(writers, 20)
        pair.two.kill()
        pair.one.kill()
    pair.one.start()
    run("failover", "promote", "--to", name_of(pair.one), *QUICK)
    assert not writers.lost(_fresh())


def _hears(replica: MariaDB) -> bool:
    ((connected,),) = replica.ask(
        "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS"
        " WHERE VARIABLE_NAME = 'Slave_running'"
    )
    return bool(connected == "ON")


@pytest.mark.slow
def test_a_silent_primary_is_not_replaced_unless_somebody_vouches(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    # no connection to it is open here, and only a machine that is gone ends one in time
    environment = {"DATABASE_URL": pair.database_url, "DATABASE_CONNECT_SECONDS": "1"}
    surroundings.settle(monkeypatch, dict(os.environ) | environment)
    pair.one.pause()
    wait_until(lambda: not _hears(pair.two), seconds=30, what="the replica to notice too")
    assert (
        f"{name_of(pair.one)} does not answer: it may"
        in run("failover", "promote", *QUICK, ends=1).output
    )
    failed = run(
        "failover", "promote", "--fence", "echo no power switch >&2; exit 3", *QUICK, ends=1
    )
    assert "--fence failed (3): no power switch" in failed.output
    assert is_read_only(pair.two)
    assert (
        "--old-is-gone confirms that it is stopped"
        in run("failover", "promote", "--old-is-gone", *QUICK).output
    )
    assert not is_read_only(pair.two)
    # it was never stopped: two servers accept writes until the next command sees it
    pair.one.resume()
    assert f"{name_of(pair.one)} took writes, though" in run("failover", "promote", *QUICK).output
    assert _primary(pair) == [pair.two]


def test_without_semi_sync_a_person_decides_and_what_was_lost_is_named(pair: Pair) -> None:
    pair.two.run("STOP SLAVE IO_THREAD")  # the connection to the other region is broken
    done: list[Switched] = []
    careful = FailoverWatch(FailoverRequest(), then=done.append)
    careless = FailoverWatch(FailoverRequest(), accept_loss=True, then=done.append)
    with Writers(pair.database_url, count=1) as writers, all_servers(answer_seconds=1) as both:
        _write_some(writers, 5)
        for watch in (careful, careless):
            watch.poll(both)
        pair.one.kill()
        for _ in range(MISSES - 1):
            careful.poll(both)
            careless.poll(both)
        with pytest.raises(FailoverRefused, match="was not semi-synchronous"):
            careful.poll(both)
        assert is_read_only(pair.two)
        careless.poll(both)
        assert not is_read_only(pair.two)
    lost = writers.lost(_fresh())
    assert lost
    (switched,) = done
    assert switched.lost, "what it held when it was last seen"
    pair.one.start()
    refused = run("failover", "return", *QUICK, ends=1).output
    named = re.search(r"holds (\d+) transactions that (\S+) never had: 0-1-", refused)
    assert named is not None, refused
    assert named[2] == name_of(pair.two)
    # the last of them may have been under way, without an acknowledgement
    assert len(lost) <= int(named[1]) <= len(lost) + 1
    assert "seed" in refused
    assert is_read_only(pair.one)
    assert _primary(pair) == [pair.two]


def test_what_cannot_be_done_is_said(pair: Pair) -> None:
    one, two = map(name_of, pair.servers)
    assert f"{one} takes writes: nothing to do" in run("failover", "promote", *QUICK).output
    assert (
        "FAILOVER_URL does not name nobody:1"
        in run("failover", "promote", "--to", "nobody:1", ends=1).output
    )
    assert f"{one} takes writes already" in run("failover", "return", "--to", one, ends=1).output
    pair.two.run("STOP SLAVE", "RESET SLAVE ALL")
    assert "is not a replica" in run("failover", "promote", "--to", two, ends=1).output
    assert "no replica follows" in run("failover", "check", ends=1).output
    pair.two.run("RESET MASTER", "SET GLOBAL gtid_slave_pos=''")
    assert "seed it" in run("failover", "return", ends=1).output
    pair.one.kill()
    assert "no replica answers" in run("failover", "promote", ends=1).output
    assert _primary_of(pair.two) == []


def _primary_of(*servers: MariaDB) -> list[MariaDB]:
    return [server for server in servers if not is_read_only(server)]


def test_two_at_once_do_not_both_promote(pair: Pair) -> None:
    pair.one.kill()
    with_lock = servers.DatabaseServer(_url(pair.two))
    assert with_lock.take_lock()
    assert "another process is promoting" in run("failover", "promote", *QUICK, ends=1).output
    assert is_read_only(pair.two)
    with_lock.close()
    run("failover", "promote", *QUICK)
    assert not is_read_only(pair.two)


def _url(server: MariaDB) -> Any:
    return split_url(server.url(""))[0].set(username="failover")
