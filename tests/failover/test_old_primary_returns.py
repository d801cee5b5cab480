"""Another server was promoted while the primary was only cut off: it returns, writable."""

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.epochs import EpochAnswer, ask, memory
from models.core.database.transactions import engine, make_engine, unit
from models.entities.running import Lease
from tasks.failover.server import DatabaseServer
from tasks.presence import start_presence
from tests.deploy.cli.test_cli import run
from tests.failover.cut_off import QUICK, cut_off_and_back
from tests.failover.pair import DATABASE, Pair, is_read_only, name_of
from tests.services import plan
from tests.services.running.process import wait_until
from tests.services.running.stack import Stack, evening
from tests.services.running.surroundings import forget_everything, settle
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.mariadb]


def _write(name: str) -> int:
    """Write a row by this process's engine; return the port of the server that took it."""

    def work(session: Session) -> int:
        session.execute(insert(Lease).values(name=name, holder="x", expires_at=clock.now()))
        return int(session.scalar(text("SELECT @@port")) or 0)

    return unit(work)


def test_control_without_the_fence_a_process_that_starts_writes_to_the_old_primary(
    returned: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_epoch(*given: Any) -> EpochAnswer:
        return EpochAnswer(ask(*given).takes_writes, None)

    monkeypatch.setattr("models.core.database.primary.ask", without_epoch)
    assert _write("lost") == returned.one.port


def test_a_process_that_starts_writes_where_the_newest_promotion_is(returned: Pair) -> None:
    assert _write("kept") == returned.two.port
    # also with the addresses in the reverse order
    url = returned.database_url.replace(returned.hosts, _turned(returned))
    bind = make_engine(url)
    with bind.connect() as connection:
        assert connection.scalar(text("SELECT @@port")) == returned.two.port
    bind.dispose()


def _turned(pair: Pair) -> str:
    return ",".join(name_of(server) for server in (pair.two, pair.one))


def test_a_process_that_reaches_the_old_primary_alone_knows_it_by_redis(returned: Pair) -> None:
    returned.two.pause()
    with pytest.raises(OperationalError) as refused:
        _write("lost")
    assert f"{name_of(returned.one)} was replaced" in str(refused.value)
    said = run("failover", "promote", *QUICK, ends=1).output
    assert "another server was promoted in its place, and does not answer" in said
    # permanently lost: an operator says so, and it is the primary of a newer promotion
    assert not is_read_only(returned.one)
    run("failover", "promote", "--to", name_of(returned.one), *QUICK)
    forget_everything()
    assert _write("kept") == returned.one.port
    returned.two.resume()


def test_a_process_that_was_there_lets_its_connections_to_the_old_primary_go(
    pair: Pair, redis_there: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, dict(os.environ) | {"REDIS_URL": redis_there.url})
    assert _write("before") == pair.one.port
    mine = memory(DATABASE)
    # as another process reports to Redis that it saw the other server promoted
    pair.two.run("STOP SLAVE", "SET GLOBAL read_only=0")
    newest = mine.newest + 1
    pair.two.run(f"INSERT INTO promotions VALUES ({newest}, 'two', NOW())", database=DATABASE)
    assert _write("lost") == pair.one.port, "nobody has told this process"
    with redis_there.client() as client:
        client.zadd("promotions", {DATABASE: newest})
    mine.read_newest()  # each process does so every half minute (tasks/presence.py)
    assert _write("kept") == pair.two.port
    assert _write("kept too") == pair.two.port


def test_without_redis_each_process_asks_the_other_servers_itself(
    pair: Pair, redis_there: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Web, worker and scheduler each run that thread every half minute."""
    settle(monkeypatch, dict(os.environ) | {"REDIS_URL": redis_there.url})
    assert _write("before") == pair.one.port
    redis_there.stop()
    pair.two.run("STOP SLAVE", "SET GLOBAL read_only=0")
    newest = memory(DATABASE).newest + 1
    pair.two.run(f"INSERT INTO promotions VALUES ({newest}, 'two', NOW())", database=DATABASE)
    # the control: neither an open nor a new connection to the last chosen server notices
    assert _write("lost") == pair.one.port
    engine().dispose()
    assert _write("lost too") == pair.one.port
    monkeypatch.setattr("tasks.presence.EVERY_SECONDS", 0.1)
    over = start_presence("web")
    try:
        wait_until(lambda: memory(DATABASE).newest == newest, seconds=30, what="the look at both")
    finally:
        over.set()
    assert _write("kept") == pair.two.port
    assert _connections(pair.one) == 0


def _connections(server: MariaDB) -> int:
    """Connections of the product's account."""
    query = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'app'"
    return int(server.ask(query)[0][0])


def test_the_next_fail_over_command_makes_the_old_primary_read_only(returned: Pair) -> None:
    with engine().connect():
        old, new = map(name_of, returned.servers)
    said = run("failover", "promote", *QUICK).output
    assert f"{old} took writes, though another server was promoted in its place" in said
    assert f"{new} takes writes: nothing to do" in said
    assert is_read_only(returned.one)
    assert not is_read_only(returned.two)
    assert "has caught up" in run("failover", "rejoin").output


class _Killed(BaseException):
    """Simulates the death of the process: nothing catches it."""


def test_a_promotion_is_written_down_before_it_can_take_a_write(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote = DatabaseServer.promote

    def dying(server: DatabaseServer, **given: int) -> None:
        promote(server, **given)
        raise _Killed

    monkeypatch.setattr(DatabaseServer, "promote", dying)
    pair.one.kill()
    with pytest.raises(_Killed):
        run("failover", "promote", *QUICK)
    ((newest,),) = pair.two.ask(
        f"SELECT server FROM {DATABASE}.promotions ORDER BY epoch DESC LIMIT 1"
    )
    assert newest == name_of(pair.two)


def test_without_the_right_to_write_promotions_the_new_primary_writes_it_down_itself(
    pair: Pair, redis_there: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.one.run(f"REVOKE ALL ON {DATABASE}.promotions FROM 'failover'@'127.0.0.1'")
    settle(monkeypatch, dict(os.environ) | {"REDIS_URL": redis_there.url})
    wait_until(lambda: _may_not(pair.two), seconds=10, what="the replica to have that too")
    assert "the table of promotions cannot be read" in run("failover", "check").output
    monkeypatch.setenv("DATABASE_CONNECT_SECONDS", "1")
    forget_everything()
    cut_off_and_back(pair)
    forget_everything()
    assert _write("kept") == pair.two.port
    # the operator's account cannot tell which is right, and says so
    assert "take writes at the same time" in run("failover", "promote", *QUICK, ends=1).output


def test_the_check_names_the_right_to_write_promotions_that_is_missing(pair: Pair) -> None:
    (before,) = pair.two.ask("SELECT @@gtid_binlog_pos")
    assert "promotion" not in run("failover", "check").output
    assert pair.two.ask("SELECT @@gtid_binlog_pos") == [before], "a look writes nothing"
    pair.one.run(f"REVOKE INSERT ON {DATABASE}.promotions FROM 'failover'@'127.0.0.1'")
    said = " ".join(run("failover", "check").output.split())
    assert f"GRANT SELECT, INSERT, CREATE ON `{DATABASE}`.promotions TO 'failover'@'%'" in said


def test_a_connection_replaced_while_it_was_made_is_an_error_that_is_tried_again(
    pair: Pair,
) -> None:
    """Another thread sees a newer promotion each time before the connection can be used."""
    known = memory(DATABASE)
    tries: list[int] = []

    def promoted_meanwhile(*_: object) -> None:
        if len(tries) < 2:
            tries.append(known.newest + 1)
            row = f"INSERT INTO promotions VALUES ({tries[-1]}, 'one', NOW())"
            pair.one.run(row, database=DATABASE)
            known.note(tries[-1])

    event.listen(engine(), "connect", promoted_meanwhile)
    assert _write("kept") == pair.one.port
    assert len(tries) == 2, "else nothing is tested"


def _may_not(server: MariaDB) -> bool:
    query = f"SELECT 1 FROM mysql.tables_priv WHERE Db = '{DATABASE}' AND Table_priv <> ''"
    return not server.ask(query)


def test_a_reservation_after_a_restart_is_decided_by_the_new_primary(
    pair: Pair,
    redis_there: RedisServer,
    mailbox: Mailbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The whole installation, with the old primary first in its list of servers."""
    (tmp_path / "processes").mkdir()
    stack = Stack(
        tmp_path / "processes",
        database_url=pair.database_url,
        redis=redis_there,
        mailbox=mailbox,
        workers=1,
    )
    settle(monkeypatch, stack.env | {"FAILOVER_URL": pair.failover_url})
    monkeypatch.setenv("DATABASE_CONNECT_SECONDS", "1")
    forget_everything()
    restaurant = stack.open_restaurant(tables={"1": ("hall", 1, 4), "2": ("hall", 1, 4)})
    cut_off_and_back(pair)
    stack.engine.dispose()
    (held,) = pair.one.ask("SELECT @@gtid_binlog_pos")
    stack.start()
    asked = stack.post(restaurant, start=evening())
    assert asked.status == 202
    assert stack.wait_decided([asked.id]) == {asked.id: "confirmed"}
    stack.stop()
    assert pair.one.ask("SELECT @@gtid_binlog_pos") == [held], "somebody wrote to the old primary"
    there = f"SELECT COUNT(*) FROM {DATABASE}.reservations"
    assert (pair.one.ask(there), pair.two.ask(there)) == ([(0,)], [(1,)])
    plan.prove(
        line="failover",
        target="hosts",
        how="seen",
        figure="a primary that was cut off and returns gets no reservation, also after a restart",
    )
