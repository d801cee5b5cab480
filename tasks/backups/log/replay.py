"""The log over a restored backup: fetched, and run by MariaDB's own programs."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic

from sqlalchemy import URL

from tasks.backups.log.fetch import Fetched, fetch_log
from tasks.backups.manifest import Manifest
from tasks.backups.safe import Safe
from tasks.backups.scratch import serving
from tasks.backups.tools import feed, find_tool, output_of

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Replayed:
    """Until when the state is; the bytes of the log that led there, and the seconds it took."""

    until: datetime
    size: int
    seconds: float


def replay_log(safe: Safe, base: Manifest, folder: Path, *, to: datetime | None) -> Replayed:
    """Run what came after `base` on the data folder it was restored to. Raises as `fetch_log`.

    The server commits lazily meanwhile; all is on the disk when this returns.
    """
    if base.log is None:
        raise AssertionError("only a backup with a position has a log")
    began = monotonic()
    place = folder.with_name(f"{folder.name}-log")
    place.mkdir(mode=0o700)
    try:
        fetched = fetch_log(safe, base.log, place, since=base.ended, to=to)
        if fetched.files:
            _run(folder, fetched, base)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return Replayed(fetched.until, fetched.size, monotonic() - began)


def _run(folder: Path, fetched: Fetched, base: Manifest) -> None:
    decode = [
        find_tool("mariadb-binlog", "mysqlbinlog"),
        "--no-defaults",
        f"--start-position={max(fetched.start, 4)}",
        *([f"--database={base.database}"] if base.kind == "dump" else []),
        *map(str, fetched.files),
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
