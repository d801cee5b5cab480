"""A house on a SQLite file with its backups on, and a follower of it; the clock is the true one."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tasks.backups.log import follow
from tasks.backups.log.follow import Follower
from tasks.backups.safe import Safe, open_safe
from tests.backups.conftest import BACKUP_KEY
from tests.queries.evening import open_evening
from tests.services import surroundings
from tests.services.house import OpenHouse
from tests.services.stand import Stand

#: Commits as fast as it is told to, and says so after each. Waits for a lock as the house does.
_WRITER = """
import os, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5)
db.execute("PRAGMA synchronous = FULL")
while True:
    db.execute("BEGIN IMMEDIATE")
    row = (time.time(), os.urandom(1500))
    number = db.execute("INSERT INTO ledger (at, filler) VALUES (?, ?)", row).lastrowid
    db.execute("UPDATE ledger SET filler = randomblob(900) WHERE number = ?", (number // 2,))
    db.execute("COMMIT")
    print(number, time.time(), flush=True)
    time.sleep(float(sys.argv[2]))
"""


class Ledger:
    """A table beside the house's own, and processes that add to it until they are killed."""

    def __init__(self, database: Path, told: Path) -> None:
        self.database = database
        self._told = told
        with closing(sqlite3.connect(database)) as db:
            db.execute("CREATE TABLE ledger (number INTEGER PRIMARY KEY, at REAL, filler BLOB)")

    @contextmanager
    def writing(self, *, pause: float = 0.002) -> Iterator[subprocess.Popen[bytes]]:
        """Somebody writes; killed at the end of the block, wherever it is."""
        argv = [sys.executable, "-c", _WRITER, str(self.database), str(pause)]
        with self._told.open("ab") as told, subprocess.Popen(argv, stdout=told) as writer:
            try:
                yield writer
                assert writer.poll() is None, "it could not write"
            finally:
                writer.kill()

    def told(self) -> list[tuple[int, float]]:
        """Number and time of each commit that was acknowledged."""
        lines = [line.split() for line in self._told.read_text().splitlines(keepends=True)]
        return [(int(line[0]), float(line[1])) for line in lines if len(line) == 2]

    def write(self, count: int = 1) -> None:
        """So many commits, here and now."""
        with closing(sqlite3.connect(self.database, timeout=5)) as db:
            for _ in range(count):
                with db:
                    db.execute("INSERT INTO ledger (at, filler) VALUES (0, randomblob(1500))")


def rows_in(database: Path) -> list[tuple[int, float, bytes]]:
    """The rows of a ledger, in their order."""
    with closing(sqlite3.connect(database)) as db:
        return db.execute("SELECT number, at, filler FROM ledger ORDER BY number").fetchall()


@pytest.fixture
def stand(
    safe: Safe, house: Callable[..., OpenHouse], db: Engine, monkeypatch: pytest.MonkeyPatch
) -> Stand:
    """A house with eight tables, whose log's place is written down at each step."""
    monkeypatch.setattr(follow, "LOOK_SECONDS", 0.0)
    return open_evening(house, db)


@pytest.fixture
def ledger(stand: Stand, db: Engine, tmp_path: Path) -> Ledger:
    """In the house's database."""
    return Ledger(Path(str(db.url.database)), tmp_path / "told")


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


def follow_on(follower: Follower) -> None:
    """Let it see all that is committed by now, store it, and write down how far it came."""
    for _ in range(2):
        follower.step()
