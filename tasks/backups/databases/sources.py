"""Sources of a backup's bytes: a dump of one database, a server's files, or a SQLite file."""

import os
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from sqlalchemy import URL, make_url

from models.core.database.transactions import make_engine
from models.core.settings import settings
from tasks.backups.databases.account import account_file
from tasks.backups.databases.dialects import is_mariadb
from tasks.backups.databases.dumps import Dump, DumpedServer, LockedDump, Logged, logged
from tasks.backups.databases.snapshot import Snapshot
from tasks.backups.databases.tools import find_tool, output_of
from tasks.backups.faults import BackupFailed
from tasks.backups.log.origin import identity_of
from tasks.backups.manifest import Kind

#: The privileges that mariadb-backup needs, besides BINLOG MONITOR and LOCK TABLES.
_PRIVILEGES: Final = frozenset({"RELOAD", "PROCESS"})
#: Its interval for copying the redo log. By default it is a second, for which commits stalled.
_LOG_COPY_MS: Final = 100
_FACTS: Final = "SELECT @@version, @@datadir, @@hostname, @@log_bin"
#: mariadb-backup's line about the binary log.
_BINLOG: Final = re.compile(
    rb"^binlog_pos = filename '(?P<file>[^']+)', position '(?P<offset>\d+)'", re.MULTILINE
)
_GRANTED: Final = (
    "SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES WHERE GRANTEE ="
    " CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')"
)


class Source(Protocol):
    """One way to back up one database."""

    engine: str
    version: str
    database: str
    kind: Kind

    def stream(self, from_position: int) -> AbstractContextManager[BinaryIO]:
        """Yield the bytes since that position (0: all). Raises BackupFailed at its end."""
        ...

    def position(self) -> int:
        """Return the position of the ended stream; 0 where the engine has no positions."""
        ...

    def logged(self) -> Logged | None:
        """Return the ended stream's position in the binary log; None where there is no log."""
        ...


class ServerFiles:
    """The files of a running server, by mariadb-backup: all of them, or the changes."""

    engine = "mariadb"
    kind: Kind = "full"

    def __init__(self, url: URL, server: DumpedServer) -> None:
        self._url = url
        self._server = server
        self._position = 0
        self._logged: Logged | None = None
        self.version = server.version
        self.database = url.database or ""

    @contextmanager
    def stream(self, from_position: int) -> Iterator[BinaryIO]:
        """Yield an xbstream."""
        with (
            tempfile.TemporaryDirectory(prefix="maitred-") as folder,
            account_file(self._url) as file,
        ):
            argv = [
                find_tool("mariadb-backup"),
                f"--defaults-file={file}",
                "--backup",
                "--stream=xbstream",
                f"--log-copy-interval={_LOG_COPY_MS}",
                f"--datadir={self._server.data}",
                f"--target-dir={folder}",
                f"--extra-lsndir={folder}",
            ]
            if from_position:
                argv.append(f"--incremental-lsn={from_position}")
            with output_of(argv) as output:
                yield output
            self._position = _reached(Path(folder))
            self._logged = _log_place(self._server, Path(folder))

    def logged(self) -> Logged | None:
        """Return the log position that mariadb-backup found while commits were blocked."""
        return self._logged

    def position(self) -> int:
        """Return the log sequence number (LSN) up to which every page is included."""
        return self._position


def _reached(folder: Path) -> int:
    for path in folder.glob("*_checkpoints"):
        for line in path.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "to_lsn":
                return int(value)
    raise BackupFailed("mariadb-backup did not report its log position")


def _log_place(server: DumpedServer, folder: Path) -> Logged | None:
    for path in folder.glob("*_info"):
        if found := _BINLOG.search(path.read_bytes()):
            return logged(server, found)
    return None


def choose_source(url: str, *, method: str) -> Source:
    """Return the source for the database of `url`. Raises BackupFailed if `method` cannot work."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Snapshot(Path(parsed.database or "").absolute())
    server, obstacle = _inspect(url)
    if method == "physical" and obstacle:
        raise BackupFailed(f"BACKUP_METHOD=physical: {obstacle}")
    if not is_mariadb(server.version) and server.has_log and settings().keeps_log:
        return LockedDump(parsed, server)
    if method == "dump" or obstacle:
        return Dump(parsed, server)
    return ServerFiles(parsed, server)


def _inspect(url: str) -> tuple[DumpedServer, str]:
    """Return the server, and why its files cannot be copied here ("": they can)."""
    bind = make_engine(url, pool_size=1)
    try:
        with bind.connect() as connection:
            version, data, host, log = connection.exec_driver_sql(_FACTS).one()
            identity = identity_of(connection)
            granted = set(connection.exec_driver_sql(_GRANTED).scalars())
    finally:
        bind.dispose()
    server = DumpedServer(str(version), Path(data), identity, has_log=bool(log))
    obstacle = ""
    if not is_mariadb(server.version):
        obstacle = f"the server is not MariaDB ({version})"
    elif host != socket.gethostname() or not _is_readable(server.data):
        obstacle = f"the server's data folder ({data} on {host}) is not readable here"
    elif missing := _PRIVILEGES - granted:
        obstacle = f"the account lacks {', '.join(sorted(missing))}"
    return server, obstacle


def _is_readable(folder: Path) -> bool:
    try:
        return os.access(folder / "ibdata1", os.R_OK)
    except OSError:
        return False
