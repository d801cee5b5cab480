"""Fixtures: a server (MariaDB, or MySQL with `--mysql`) with a binary log, and a follower of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, create_engine

from tasks.backups.log.follow import Follower
from tasks.backups.log.origin import query_server
from tasks.backups.log.position import number_of
from tasks.backups.stores.safe import Safe, open_safe
from tests.backups.conftest import BACKUP_KEY
from tests.queries.evening import open_evening
from tests.services.running import surroundings
from tests.services.running.process import wait_until
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.schema import create_tables, delete_rows
from tests.services.running.stand import Stand
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.mysql import MySQL

DATABASE = "logged"
PATIENCE = 60


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[MariaDB]:
    """A server with durable commits and a binary log."""
    kind = MySQL if request.config.getoption("--mysql") else MariaDB
    made = kind(tmp_path_factory.mktemp("logged"), durable=True)
    made.start()
    create_tables(made.new_database(DATABASE))
    yield made
    made.kill()


@pytest.fixture
def database_url(backend: str, server: MariaDB) -> str:
    """An empty database on that server, with every table."""
    delete_rows(create_engine(server.url(DATABASE), poolclass=NullPool))
    server.forget_log()
    return server.url(DATABASE)


@pytest.fixture
def stand(safe: Safe, restaurant: Callable[..., OpenRestaurant], db: Engine) -> Stand:
    """A restaurant with eight tables; it uses the real clock, as the server does."""
    return open_evening(restaurant, db)


@pytest.fixture
def settled(
    service_env: dict[str, str], kept: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Safe]:
    """A second process's settings: that database and the same backups."""

    def settle(url: str) -> Safe:
        backups = {"BACKUP_STORE": str(kept), "BACKUP_KEY": BACKUP_KEY, "DATABASE_URL": url}
        surroundings.settle(monkeypatch, service_env | backups)
        return open_safe()

    return settle


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """The follower's spool folder."""
    return tmp_path / "spool"


@pytest.fixture
def follower(safe: Safe, database_url: str, spool: Path) -> Iterator[Follower]:
    """A follower that has not started yet."""
    made = Follower(safe, database_url, spool)
    yield made
    made.close()


def place_of(bind: Engine) -> tuple[int, int]:
    """The current end of the server's log."""
    with bind.connect() as connection:
        found = query_server(connection)
    return number_of(found.file), found.offset


def catch_up(follower: Follower, bind: Engine) -> None:
    """Run the follower until everything written so far is stored."""
    wanted = place_of(bind)

    def is_there() -> bool:
        if follower.place < wanted:
            follower.step()
        return follower.place >= wanted

    wait_until(is_there, seconds=PATIENCE, what=lambda: (follower.place, wanted))


def wait_for(is_there: Callable[[], bool]) -> None:
    """Poll until it is true, at most for a minute."""
    wait_until(is_there, seconds=PATIENCE, what="the follower's work")
