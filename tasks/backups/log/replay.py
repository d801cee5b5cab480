"""Replays the log on a restored backup, with MariaDB's own programs."""

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
    """The time of the state after the replay; the bytes of log replayed, and the seconds taken."""

    until: datetime
    size: int
    seconds: float


class Log:
    """The complete log after a backup, fetched but not replayed yet."""

    def __init__(self, base: Manifest, fetched: Fetched, seconds: float) -> None:
        self._base, self._fetched, self._seconds = base, fetched, seconds

    def replay(self, folder: Path) -> Replayed:
        """Replay it on the data folder of the restored backup. Raises BackupFailed.

        The server does not sync each commit meanwhile; all is on disk when this returns.
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
    """Yield the log after `base`, in the new folder `place` during the block; None without a log.

    Raises as `fetch_log`, before the backup itself is restored.
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
        # the log may hold GRANTs, which a server with --skip-grant-tables refuses before a FLUSH
        "--init-command=FLUSH PRIVILEGES",
    ]
