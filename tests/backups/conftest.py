"""Fixtures: a restaurant with backups, an evening in it, and a clock that the tests move."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import Engine

from models.core import clock
from tasks.backups.make import make_backup, summary
from tasks.backups.manifest import Manifest
from tasks.backups.records import JOB, recorded
from tasks.backups.stores.safe import Safe, open_safe
from tests.queries.evening import LATER, open_evening
from tests.services.running import surroundings
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import Stand
from tests.services.servers.seaweed import ENVIRONMENT, Seaweed

#: Kind of a database's first backup, by engine.
FIRST_KIND = {"sqlite": "snapshot", "mariadb": "full", "mysql": "dump"}
BACKUP_KEY = "opens-the-backups-of-the-tests-and-nothing-else"


class Hands:
    """A clock that runs by itself and can be moved."""

    def __init__(self, at: datetime) -> None:
        self._from = at
        self._began = monotonic()

    def now(self) -> datetime:
        """Replaces `clock.now`."""
        return self._from + timedelta(seconds=monotonic() - self._began)

    def move(self, by: timedelta) -> None:
        """Advance the clock."""
        self._from += by


@pytest.fixture(scope="session")
def _seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    server = Seaweed(tmp_path_factory.mktemp("seaweed"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def seaweed(_seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Seaweed:
    """An S3 server, with its credentials in this process's environment."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return _seaweed


_numbers = count()


@pytest.fixture
def bucket(seaweed: Seaweed) -> str:
    """The address of an empty bucket with versioning and object locks."""
    return seaweed.new_bucket(f"tests-{next(_numbers)}", locks=True)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    """The clock starts at the end of the tests' evening, and runs on."""
    moved = Hands(LATER + timedelta(seconds=30))
    monkeypatch.setattr(clock, "now", moved.now)
    return moved


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The folder of the backups."""
    return tmp_path / "kept"


@pytest.fixture
def safe(
    db: Engine,
    service_env: dict[str, str],
    kept: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Safe]:
    """Backups are enabled."""
    values = service_env | {"BACKUP_STORE": str(kept), "BACKUP_KEY": BACKUP_KEY}
    surroundings.settle(monkeypatch, values)
    yield open_safe()


@pytest.fixture
def stand(safe: Safe, restaurant: Callable[..., OpenRestaurant], db: Engine, hands: Hands) -> Stand:
    """A restaurant with eight tables whose database is backed up."""
    return open_evening(restaurant, db)


def back_up(safe: Safe, *, full: bool = False, only_if_due: bool = False) -> Manifest | None:
    """Make a backup as the commands and the scheduler do, with its job run recorded."""
    return recorded(
        JOB,
        lambda: make_backup(safe, full=full, only_if_due=only_if_due),
        summary,
    )


def made(safe: Safe, *, full: bool = False) -> Manifest:
    """Make a backup; fails when none was due."""
    manifest = back_up(safe, full=full)
    assert manifest is not None
    return manifest
