"""The log over a restored backup: fetched, and run by MariaDB's own programs."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic

from sqlalchemy import URL

from tasks.backups.databases.dialects import is_mariadb
from tasks.backups.databases.scratch import serving
from tasks.backups.databases.tools import feed, find_tool, output_of
from tasks.backups.log.binlog.events import MAGIC
from tasks.backups.log.binlog.mysql import for_mariadb
from tasks.backups.log.fetch import Fetched, fetch_log
from tasks.backups.manifest import Manifest
from tasks.backups.stores.safe import Safe

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Replayed:
    """Until when the state is; the bytes of the log that led there, and the seconds it took."""

    until: datetime
    size: int
    seconds: float


class Log:
    """What came after a backup, fetched: whole, and not run yet."""

    def __init__(self, base: Manifest, fetched: Fetched, seconds: float) -> None:
        self._base, self._fetched, self._seconds = base, fetched, seconds

    def replay(self, folder: Path) -> Replayed:
        """Run it on the data folder that the backup was restored to. Raises BackupFailed.

        The server commits lazily meanwhile; all is on the disk when this returns.
        """
        began = monotonic()
        if self._fetched.files:
            _run(folder, self._fetched, self._base)
        seconds = self._seconds + monotonic() - began
        return Replayed(self._fetched.until, self._fetched.size, seconds)


@contextmanager
def fetched_log(
    safe: Safe, base: Manifest, place: Path, *, to: datetime | None
) -> Iterator[Log | None]:
    """The log after `base` in the new folder `place`, until the block ends; None without a log.

    Raises as `fetch_log`: before the backup itself is touched.
    """
    if base.log is None:
        yield None
        return
    began = monotonic()
    place.mkdir(mode=0o700)
    try:
        fetched = fetch_log(safe, base.log, place, since=base.ended, to=to)
        yield Log(base, fetched, monotonic() - began)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _run(folder: Path, fetched: Fetched, base: Manifest) -> None:
    files, start = fetched.files, max(fetched.start, len(MAGIC))
    if not is_mariadb(base.engine_version):
        starts = [start, *[len(MAGIC)] * (len(files) - 1)]
        files = tuple(map(for_mariadb, files, starts))
        start = len(MAGIC)
    decode = [
        find_tool("mariadb-binlog", "mysqlbinlog"),
        "--no-defaults",
        f"--start-position={start}",
        *([f"--database={base.database}"] if base.kind == "dump" else []),
        *map(str, files),
    ]
    with serving(folder) as server, output_of(decode) as output:
        feed(_client(server), iter(lambda: output.read(_CHUNK), b""), quiet=True)


def _client(server: URL) -> list[str]:
    return [
        find_tool("mariadb", "mysql"),
        "--no-defaults",
        "--user=root",
        f"--socket={server.query['unix_socket']}",
        "--binary-mode",
        "--skip-reconnect",
        "--max-allowed-packet=1G",
        # the log may hold GRANTs, and a server that asks nobody for a password refuses them
        "--init-command=FLUSH PRIVILEGES",
    ]
