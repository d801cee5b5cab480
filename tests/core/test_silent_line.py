"""A database connection that falls silent, on one server: every wait ends, then work continues."""

import os
import socket
from collections.abc import Iterator
from time import monotonic

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database import connections
from models.core.database.transactions import make_engine, reading, transaction, unit
from models.entities import Lease
from tests.services.running.process import wait_until
from tests.services.servers.breaking_line import BreakingLine
from tests.services.servers.mariadb import MariaDB

#: seconds that a statement may take in these tests
LIMIT = 1


@pytest.fixture
def line(mariadb: MariaDB) -> Iterator[BreakingLine]:
    with BreakingLine(mariadb.port) as between:
        yield between


@pytest.fixture
def far(database_url: str, service_env: dict[str, str], line: BreakingLine) -> Iterator[Engine]:
    """An engine like the product's whose connections pass through the breakable one."""
    url = database_url.rpartition(":")
    made = make_engine(f"{url[0]}:{line.port}/{url[2].partition('/')[2]}", limit=LIMIT)
    yield made
    made.dispose()


def _ask(session: Session) -> object:
    return session.scalar(text("SELECT 1"))


def _answers(bind: Engine) -> bool:
    try:
        return unit(_ask, bind) == 1
    except OperationalError:
        return False


@pytest.mark.mariadb
def test_silence_in_a_statement_is_noticed_with_one_server(far: Engine, line: BreakingLine) -> None:
    began = monotonic()
    with pytest.raises(OperationalError) as noticed, transaction(far) as session:
        _ask(session)
        line.fall_silent()
        _ask(session)
    assert noticed.value.connection_invalidated
    with pytest.raises(OperationalError):
        unit(_ask, far)  # a new connection gets no answer either
    assert monotonic() - began < 30, "the waits have no end"
    again = monotonic()
    with pytest.raises(OperationalError):
        unit(_ask, far)  # one caller timed out; the next fails immediately
    assert monotonic() - again < connections._AT_ONCE_SECONDS
    line.speak_again()
    wait_until(lambda: _answers(far), seconds=10, what="an answer")


@pytest.mark.mariadb
def test_silence_at_the_commit_and_of_an_idle_connection_is_noticed(
    far: Engine, line: BreakingLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.core.database.transactions.IDLE_SECONDS", 0.0)
    with pytest.raises(OperationalError), transaction(far) as session:
        _ask(session)
        line.fall_silent()
    line.speak_again()
    wait_until(lambda: _answers(far), seconds=10, what="an answer")
    line.fall_silent()
    line.speak_again()
    with reading(far) as session:  # its connection was idle in the pool, and is dead
        assert _ask(session) == 1


@pytest.mark.mariadb
def test_a_statement_that_lasts_is_ended_by_the_server(far: Engine) -> None:
    with pytest.raises(OperationalError) as ended, transaction(far) as session:
        session.execute(text("SELECT SLEEP(30) FROM DUAL WHERE 1 + SLEEP(30)"))
    assert not ended.value.connection_invalidated


@pytest.mark.mariadb
def test_the_locks_of_a_client_that_vanished_are_given_back(
    db: Engine, far: Engine, line: BreakingLine
) -> None:
    """The server does not notice the disconnect and would keep the transaction open for hours."""

    def write(session: Session) -> None:
        session.execute(insert(Lease).values(name="a", holder="x", expires_at=clock.now()))

    with pytest.raises(OperationalError), transaction(far) as session:
        write(session)
        session.flush()
        line.fall_silent()
        _ask(session)
    unit(write, db)
    with reading(db) as session:
        assert len(session.scalars(select(Lease)).all()) == 1


MARIADBS = "SELECT @@max_statement_time, @@idle_transaction_timeout, @@lock_wait_timeout"
#: MySQL has no limit for transactions alone.
MYSQLS = "SELECT @@max_execution_time / 1000, @@wait_timeout, @@lock_wait_timeout"


@pytest.mark.mariadb
def test_a_command_may_take_its_time(
    database_url: str, service_env: dict[str, str], pytestconfig: pytest.Config
) -> None:
    query = text(MYSQLS if pytestconfig.getoption("--mysql") else MARIADBS)
    with connections.patience():
        patient = make_engine(database_url)
    with patient.connect() as connection:
        assert connection.execute(query).one()[0] == connections.PATIENT_SECONDS
    usual = make_engine(database_url)
    with usual.connect() as connection:
        limit = connections.statement_seconds()
        assert connection.execute(query).one() == (limit, 3 * limit, limit)
    for bind in (patient, usual):
        bind.dispose()


@pytest.mark.mariadb
def test_the_kernel_watches_the_line_to_a_single_server(far: Engine) -> None:
    with far.connect() as connection:
        inner = connection.connection.dbapi_connection
        assert inner is not None
        with socket.socket(fileno=os.dup(inner.fileno())) as found:
            assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 6000
