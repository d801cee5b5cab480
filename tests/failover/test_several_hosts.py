"""Several servers in one URL: connections lead to the writable one, at no cost per unit."""

import os
import socket

import pytest
from sqlalchemy import Engine, insert, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.servers import server_name, split_url
from models.core.database.transactions import make_engine, primary_url, reading, transaction, unit
from models.entities.running import Lease
from tests.failover.pair import Pair, name_of

PASSWORD_WITH_SIGNS = "mysql+mysqldb://me:a%2Cb%40c@one:3307,two/maitred?charset=utf8"


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("mysql+mysqldb://me:pw@one/maitred", ["one:3306"]),
        ("mysql+mysqldb://me:p,w@one:3307/maitred", ["one:3307"]),
        ("mysql+mysqldb://one:1,two:2/maitred", ["one:1", "two:2"]),
        ("mysql+mysqldb://me:pw@one:1,two:2,three/", ["one:1", "two:2", "three:3306"]),
        (PASSWORD_WITH_SIGNS, ["one:3307", "two:3306"]),
        ("mysql+mysqldb://me:pw@[::1]:3307,[::2]/maitred", ["::1:3307", "::2:3306"]),
    ],
)
def test_a_url_names_its_servers(url: str, names: list[str]) -> None:
    urls = split_url(url)
    assert [server_name(one) for one in urls] == names
    assert {(one.username, one.password, one.database) for one in urls} == {
        (urls[0].username, urls[0].password, urls[0].database)
    }


def test_a_file_is_a_file_whatever_its_name() -> None:
    (url,) = split_url("sqlite:////srv/one,two@three,four/maitred.db")
    assert url.database == "/srv/one,two@three,four/maitred.db"


@pytest.mark.parametrize(
    "url", ["mysql+mysqldb://me:pw@one:x,two/maitred", "mysql://me@one,,two/h"]
)
def test_what_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        split_url(url)


def _where(session: Session) -> int:
    return int(session.scalar(text("SELECT @@port")) or 0)


def _write(bind: Engine, name: str) -> int:
    """Write a row; return the port of the server that took it."""

    def work(session: Session) -> int:
        session.execute(insert(Lease).values(name=name, holder="x", expires_at=clock.now()))
        return _where(session)

    return unit(work, bind)


@pytest.fixture
def both(apart: Pair) -> Engine:
    """An engine of both servers; the second is the primary."""
    apart.two.run("SET GLOBAL read_only=0")
    return make_engine(apart.database_url, pool_size=4)


@pytest.mark.mariadb
def test_connections_lead_to_the_server_that_takes_writes(apart: Pair, both: Engine) -> None:
    assert _write(both, "a") == apart.two.port
    assert primary_url(apart.database_url) == apart.two.url("maitred").replace(
        "maitred:", "app:", 1
    )
    assert primary_url(apart.two.url("maitred")) == apart.two.url("maitred")
    # its connections are still open, and it is fenced: the unit is retried on the writable one
    apart.two.run("SET GLOBAL read_only=1")
    apart.one.run("SET GLOBAL read_only=0")
    assert _write(both, "b") == apart.one.port
    # open connections to a killed server are discarded too
    apart.two.run("SET GLOBAL read_only=0")
    apart.one.kill()
    assert _write(both, "c") == apart.two.port
    both.dispose()


@pytest.mark.mariadb
def test_every_line_to_a_fenced_server_is_given_up(apart: Pair, both: Engine) -> None:
    """One request that meets the fence closes all pooled connections, so no unit reads there."""
    with reading(both), reading(both), reading(both):
        pass
    apart.one.run("SET GLOBAL read_only=0")
    apart.two.run("SET GLOBAL read_only=1")
    assert _write(both, "a") == apart.one.port
    for _ in range(4):
        with reading(both) as session:
            assert _where(session) == apart.one.port
    both.dispose()


@pytest.mark.mariadb
def test_nobody_takes_writes(apart: Pair) -> None:
    bind = make_engine(apart.database_url)
    apart.two.kill()
    with pytest.raises(OperationalError) as refused, transaction(bind):
        pass
    assert f"{name_of(apart.one)} is read-only" in str(refused.value)
    assert f"{name_of(apart.two)}: " in str(refused.value)
    assert "only-for-tests" not in str(refused.value)


def _cost(url: str) -> tuple[int, int]:
    """Statements of one connection: up to the end of its first unit, and in ten further units."""

    def asked(session: Session) -> int:
        row = session.execute(text("SHOW SESSION STATUS LIKE 'Questions'")).one()
        return int(row[1])

    bind = make_engine(url, pool_size=1)
    counts = [unit(asked, bind) for _ in range(11)]
    bind.dispose()
    return counts[0], counts[-1] - counts[0]


@pytest.mark.mariadb
def test_the_look_is_made_once_a_connection_and_never_a_unit(apart: Pair) -> None:
    apart.one.run("SET GLOBAL read_only=0")
    single = _cost(apart.database_url.replace(f",{name_of(apart.two)}", ""))
    assert _cost(apart.database_url) == (single[0] + 1, single[1])


@pytest.mark.mariadb
def test_a_machine_that_vanished_does_not_hold_up_for_long(apart: Pair, both: Engine) -> None:
    """Nothing can be cut off here; the socket options set for that case can be read."""
    with both.connect() as connection:
        line = connection.connection.dbapi_connection
        assert line is not None
        with socket.socket(fileno=os.dup(line.fileno())) as found:
            assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 6000
            assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 2
    both.dispose()
