"""Which pages commits changed, read from SQLite's log while SQLite goes on."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tasks.backups.log.wal import Changes, Skipped, Wal


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


@pytest.fixture
def live(database: Path) -> Iterator[sqlite3.Connection]:
    """A database that is written to, in pages of 4096 bytes; nobody checkpoints it but we."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE t (a BLOB)")
        yield connection


@pytest.fixture
def wal(database: Path, live: sqlite3.Connection) -> Wal:
    return Wal(database)


def frames(live: sqlite3.Connection) -> int:
    """How many are committed. All are in the database then: the next commit begins the log anew."""
    path = live.execute("PRAGMA database_list").fetchone()[2]
    with closing(sqlite3.connect(path)) as asker:
        return int(asker.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])


def news(wal: Wal, live: sqlite3.Connection) -> Changes:
    found = wal.read(lambda: frames(live))
    assert found is not None
    return found


def test_each_commit_is_read_once_and_leads_to_the_database_as_it_is(
    wal: Wal, live: sqlite3.Connection, database: Path, tmp_path: Path
) -> None:
    image = bytearray()
    for turn in range(40):
        for _ in range(turn % 4):
            live.execute("INSERT INTO t VALUES (randomblob(9000))")
        if turn == 30:
            live.execute("DELETE FROM t")
            live.execute("VACUUM")
        found = news(wal, live)
        assert news(wal, live).places == {}
        content = wal.path.read_bytes()
        for page, place in found.places.items():
            end = page * found.page_size
            image.extend(bytes(max(0, end - len(image))))
            image[end - found.page_size : end] = content[place : place + found.page_size]
        if found.places:
            del image[found.pages * found.page_size :]
    assert bytes(image) == database.read_bytes()


def test_what_is_not_committed_is_not_read(wal: Wal, live: sqlite3.Connection) -> None:
    news(wal, live)
    live.execute("PRAGMA cache_size = 5")
    live.execute("BEGIN")
    before = wal.path.stat().st_size
    live.execute(
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 50) SELECT randomblob(4000) FROM n"
    )
    assert wal.path.stat().st_size > before + 100_000
    assert news(wal, live).places == {}
    live.execute("ROLLBACK")
    live.execute("INSERT INTO t VALUES (1)")
    assert len(news(wal, live).places) == 1


def test_what_only_looks_like_a_commit_is_not_read_and_its_place_is_read_again(
    wal: Wal, live: sqlite3.Connection
) -> None:
    live.execute("INSERT INTO t VALUES (1)")
    committed = (wal.path.stat().st_size - 32) // (24 + 4096)
    live.execute("INSERT INTO t VALUES (2)")  # as if its writer had been killed just before the end
    assert wal.read(lambda: committed) is not None
    assert wal.frames == committed
    assert list(news(wal, live).places) == [2]


def test_a_log_that_began_anew_while_nobody_held_it_is_told(
    wal: Wal, live: sqlite3.Connection
) -> None:
    news(wal, live)
    for _ in range(2):
        live.execute("PRAGMA wal_checkpoint(PASSIVE)")
        live.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(Skipped, match="while nobody looked"):
        news(wal, live)


def test_what_cannot_be_told_now_is_asked_again(wal: Wal, live: sqlite3.Connection) -> None:
    assert wal.read(lambda: -1) is None

    def begins_anew() -> int:
        live.execute("PRAGMA wal_checkpoint(PASSIVE)")
        live.execute("INSERT INTO t VALUES (1)")
        return 1

    assert wal.read(begins_anew) is None
    assert news(wal, live).places != {}


@pytest.mark.parametrize(
    ("place", "why"), [(0, "is no log"), (40, "began anew|begun anew"), (None, "ends before frame")]
)
def test_a_log_that_is_none_is_told(
    wal: Wal, live: sqlite3.Connection, place: int | None, why: str
) -> None:
    committed = frames(live)
    content = bytearray(wal.path.read_bytes())
    if place is None:
        content = content[:100]
    else:
        content[place] ^= 255
    wal.path.write_bytes(content)
    with pytest.raises(Skipped, match=why):
        wal.read(lambda: committed if place != 0 else 1)
