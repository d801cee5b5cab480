"""A SQLite database that is watched: what its commits change, written down in a folder.

It never waits for whoever commits, and they wait for it only while the write-ahead log is begun
anew, which with somebody reading all the time nobody else could do.
"""

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from models.core import clock
from tasks.backups.faults import BackupFailed
from tasks.backups.log.origin import noted_in, origin_in
from tasks.backups.log.pages import State, write_change
from tasks.backups.log.wal import Wal

#: A file of the log that is larger is followed by another.
FILE_BYTES: Final = 64 << 20
#: So much of the write-ahead log is begun anew: 16 MB of pages of 4 kB.
WAL_FRAMES: Final = 4000
#: When somebody else was reading it, it is tried again so many frames later.
_AGAIN_FRAMES: Final = 500
#: How long to wait for whoever commits; then the next time will do.
_PATIENCE_SECONDS: Final = 0.5
_PICTURE: Final = "picture"


class Watch:
    """One database, watched through connections of its own from `begin` on."""

    def __init__(
        self,
        database: Path,
        folder: Path,
        origin: str,
        number: int,
        identity: tuple[int, int],
        connections: Sequence[sqlite3.Connection],
    ) -> None:
        self._database, self._folder, self._origin = database, folder, origin
        self._number, self._identity = number, identity
        # two copies of one number have different names, and are never taken for one
        self._name = f"pages-{secrets.token_hex(4)}"
        self._wal = Wal(database)
        self._tried = 0
        # the first reads, and so holds what is to be read next; the second takes over from it
        self._reader, self._other, self._asker, self._writer = connections

    def begin(self) -> None:
        """Write down a picture of the whole database, from which all else leads on."""
        snapshots = self._enter(self._reader)
        at = _second()
        picture = self._folder / _PICTURE
        with closing(sqlite3.connect(picture)) as copy:
            copy.execute("PRAGMA synchronous = OFF")
            self._reader.backup(copy, pages=-1)
        with picture.open("rb") as file:
            size = int.from_bytes(file.read(18)[16:], "big")
            size = 1 << 16 if size == 1 else size
            pages = picture.stat().st_size // size
            state = State(size, pages, snapshots)
            self._write(at, state, file, {page: (page - 1) * size for page in range(1, pages + 1)})
        picture.unlink()

    def bring(self) -> bool:
        """Write down what was committed since. Raises BackupFailed, when it has to begin again."""
        if _identity(self._database) != self._identity:
            raise BackupFailed(f"{self._database} is another file now")
        try:
            self._look()
            if self._wal.frames >= max(WAL_FRAMES, self._tried + _AGAIN_FRAMES):
                self._begin_wal_anew()
            elif self._wal.frames < self._tried:
                self._tried = 0
        except sqlite3.Error as error:
            raise BackupFailed(f"{self._database}: {error}") from error
        return True

    @property
    def last_words(self) -> str:
        """It goes on until it is closed."""
        return ""

    def stands(self) -> tuple[int, int]:
        """Where its log ends: the number of the newest file, and its size."""
        path = self._path()
        return self._number, path.stat().st_size if path.exists() else 0

    def _look(self) -> None:
        """What is new; the next transaction begins before the one that held it ends."""
        snapshots = self._enter(self._other)
        changes = self._wal.read(self._committed)
        at = _second()
        if changes is None:
            self._other.rollback()
            return
        if changes.places:
            state = State(changes.page_size, changes.pages, snapshots)
            with self._wal.path.open("rb") as file:
                self._write(at, state, file, changes.places)
        self._reader.rollback()
        self._reader, self._other = self._other, self._reader

    def _begin_wal_anew(self) -> None:
        """When all of it is in the database, and nobody reads in it, the next commit does that."""
        self._tried = self._wal.frames
        self._committed()  # nearly all of it, before anybody has to wait
        try:
            self._writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return  # somebody takes long over a commit
        try:
            self._look()
            self._committed()
            self._look()
        finally:
            self._writer.rollback()

    def _committed(self) -> int:
        """How many frames of the log are. Asking takes to the database what no reader holds."""
        row = self._asker.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return int(row[1])

    def _enter(self, connection: sqlite3.Connection) -> int:
        """Begin to read; how many snapshots had been made by then."""
        connection.execute("BEGIN")
        found = noted_in(connection)
        if origin_in(found, 0) != self._origin:
            raise BackupFailed(f"{self._database} lives another life now")
        return int(found.get("snapshots", 0))

    def _write(self, at: int, state: State, source: BinaryIO, places: dict[int, int]) -> None:
        """Append a change to the newest file, or to the next one."""
        if self.stands()[1] >= FILE_BYTES:
            self._number += 1
        with self._path().open("ab") as file:
            write_change(file, at, state, _pages(source, state.page_size, places))

    def _path(self) -> Path:
        return self._folder / f"{self._name}.{self._number:08d}"


@contextmanager
def watching(database: Path, folder: Path, origin: str, number: int) -> Iterator[Watch]:
    """Watch a database that lives in the life of `origin`, until the block ends.

    In files of the folder, from that number on. Raises BackupFailed.
    """
    try:
        with ExitStack() as stack:
            identity = _identity(database)
            connections = [stack.enter_context(_connected(database)) for _ in range(4)]
            watch = Watch(database, folder, origin, number, identity, connections)
            watch.begin()
            yield watch
    except sqlite3.Error as error:
        raise BackupFailed(f"{database}: {error}") from error


@contextmanager
def _connected(database: Path) -> Iterator[sqlite3.Connection]:
    uri = f"{database.as_uri()}?mode=rw"
    with closing(
        sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_PATIENCE_SECONDS)
    ) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            raise BackupFailed(f"{database} keeps no write-ahead log")
        yield connection


def _pages(source: BinaryIO, page_size: int, places: dict[int, int]) -> Iterator[tuple[int, bytes]]:
    for page, place in places.items():
        source.seek(place)
        yield page, source.read(page_size)


def _identity(database: Path) -> tuple[int, int]:
    """Which file it is. It is never opened here: closing it would take SQLite's locks away."""
    found = database.stat()
    return found.st_dev, found.st_ino


def _second() -> int:
    return int(clock.now().timestamp())
