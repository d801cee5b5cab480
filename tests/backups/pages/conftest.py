"""A house on a SQLite file with its backups on, and a follower of it; the clock is the true one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tasks.backups.log.follow import Follower
from tasks.backups.safe import Safe, open_safe
from tests.backups.conftest import BACKUP_KEY
from tests.queries.evening import open_evening
from tests.services import surroundings
from tests.services.house import OpenHouse
from tests.services.stand import Stand


@pytest.fixture
def stand(safe: Safe, house: Callable[..., OpenHouse], db: Engine) -> Stand:
    """A house with eight tables."""
    return open_evening(house, db)


@pytest.fixture
def settled(
    house_env: dict[str, str], kept: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Safe]:
    """Another house, on that database, with the same backups."""

    def settle(url: str) -> Safe:
        backups = {"BACKUP_STORE": str(kept), "BACKUP_KEY": BACKUP_KEY, "DATABASE_URL": url}
        surroundings.settle(monkeypatch, house_env | backups)
        return open_safe()

    return settle


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Where the follower puts what it has read."""
    return tmp_path / "spool"


@pytest.fixture
def follower(safe: Safe, database_url: str, spool: Path) -> Iterator[Follower]:
    """A follower that has not begun yet."""
    made = Follower(safe, database_url, spool)
    yield made
    made.close()
