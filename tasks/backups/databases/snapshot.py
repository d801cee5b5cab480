"""A consistent copy of a SQLite file that is in use, by SQLite's online backup."""

import hashlib
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Final

from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.settings import settings
from models.entities.running import JobRun
from models.operations.running.jobs import record_job
from tasks.backups.faults import BackupFailed
from tasks.backups.manifest import Kind, Manifest

#: Tables that are written although no restaurant's data has changed.
BOOKKEEPING: Final = ("health_changes", "job_runs", "leases")
#: SQLite counts commits in the first page's header.
_HEADER_BYTES: Final = 100
#: The job record with the content digest of the newest snapshot.
_NOTED: Final = "backup_content"


class Snapshot:
    """The file as one backup. `content` is its digest, once it was streamed."""

    engine = "sqlite"
    version = sqlite3.sqlite_version
    kind: Kind = "snapshot"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.content = ""
        self.database = path.name

    @contextmanager
    def stream(self, from_position: int) -> Iterator[BinaryIO]:
        """Yield the whole file. Raises BackupFailed."""
        with self._copied() as copy:
            self.content = content_of(copy)
            with copy.open("rb") as file:
                yield file

    def is_news(self, newest: Manifest) -> bool:
        """Whether the newest snapshot is SNAPSHOT_SECONDS old, and the file has changed since."""
        pause = timedelta(seconds=settings().snapshot_seconds)
        if clock.now() - newest.began < pause - pause / 20:
            return False
        with reading() as session:
            run = session.get(JobRun, _NOTED)
            known = run.result if run else None
        with self._copied() as copy:
            return known != {"name": newest.name, "content": content_of(copy)}

    def note(self, name: str) -> None:
        """Record that the snapshot of that name has the content that was streamed."""
        now, found = clock.now(), {"name": name, "content": self.content}
        unit(lambda session: record_job(session, _NOTED, started=now, ended=now, result=found))

    def position(self) -> int:
        """Return 0: SQLite has no positions."""
        return 0

    def logged(self) -> None:
        """Return None: SQLite has no log that could be followed."""

    @contextmanager
    def _copied(self) -> Iterator[Path]:
        """Yield a copy, made in one step: one in several steps restarts after every write."""
        with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
            copy = Path(folder) / "copy"
            try:
                with (
                    closing(sqlite3.connect(f"{self._path.as_uri()}?mode=rw", uri=True)) as live,
                    closing(sqlite3.connect(copy)) as target,
                ):
                    live.backup(target, pages=-1)
            except sqlite3.Error as error:
                raise BackupFailed(f"{self._path}: {error}") from error
            yield copy


def content_of(copy: Path) -> str:
    """Return a digest of a database file's pages, except those of the BOOKKEEPING tables.

    Equal digests: nothing else has changed. A SQLite without `dbstat` does not tell which table a
    page is of; there every commit counts as a change.
    """
    hashed = hashlib.sha256()
    skipped, size = _pages_of_bookkeeping(copy)
    with copy.open("rb") as file:
        hashed.update(file.read(size)[_HEADER_BYTES if size else 0 :])
        number = 2
        while page := file.read(size or 1 << 20):
            if number not in skipped:
                hashed.update(page)
            number += 1
    return hashed.hexdigest()


def _pages_of_bookkeeping(copy: Path) -> tuple[frozenset[int], int]:
    """Return the numbers of those pages, and the size of a page (0: unknown)."""
    marks = ", ".join("?" * len(BOOKKEEPING))
    named = f"SELECT name FROM sqlite_schema WHERE tbl_name IN ({marks})"  # noqa: S608  # nosec B608 - marks
    with closing(sqlite3.connect(f"{copy.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            found = connection.execute(
                f"SELECT pageno FROM dbstat WHERE name IN ({named})",  # noqa: S608  # nosec B608
                BOOKKEEPING,
            ).fetchall()
        except sqlite3.OperationalError:
            return frozenset(), 0
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    return frozenset(number for (number,) in found), int(size)
