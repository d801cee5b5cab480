"""The log of a SQLite database, which keeps none for us: it is watched, and one is made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.core.db import engine
from tasks.backups.faults import BackupFailed
from tasks.backups.log.origin import origin_of
from tasks.backups.log.ship import Shipper
from tasks.backups.log.watch import Watch, watching


class FileLog:
    """What the commits of one SQLite file change. Each copy begins with a picture of the whole."""

    def __init__(self, database: str) -> None:
        self._path = Path(database).absolute()

    def origin(self) -> str:
        """The name of the log in this life. Raises BackupFailed when there is no such file."""
        if not self._path.is_file():
            raise BackupFailed(f"{self._path}: no such database")
        engine().dispose()  # should another file lie there now, what is open leads to the old one
        return origin_of(0)

    @contextmanager
    def copied(self, shipper: Shipper, folder: Path) -> Iterator[Watch]:
        """Watch it, and go on with a new file of the log."""
        with watching(self._path, folder, shipper.origin, shipper.number + 1) as watch:
            yield watch
