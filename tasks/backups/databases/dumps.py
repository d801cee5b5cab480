"""A logical dump of one database in one transaction, with its position in the server's log."""

import io
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from sqlalchemy import URL, Connection, inspect
from sqlalchemy.exc import DBAPIError

from models.core.database.transactions import make_engine
from tasks.backups.databases.account import account_file
from tasks.backups.databases.dialects import is_mariadb
from tasks.backups.databases.tools import find_tool, output_of
from tasks.backups.faults import BackupFailed
from tasks.backups.log.origin import query_server
from tasks.backups.manifest import Kind

#: mariadb-dump's line about the binary log.
_MASTER: Final = re.compile(
    rb"^-- CHANGE MASTER TO MASTER_LOG_FILE='(?P<file>[^']+)', MASTER_LOG_POS=(?P<offset>\d+);",
    re.MULTILINE,
)
_HEADING_BYTES: Final = 1 << 14
#: The first words that mariadb-dump writes after its transaction has begun.
_READS: Final = b"-- Table structure for table"
#: Commits wait while the tables are locked. Taking that lock waits no longer than this.
_LOCK_WAIT_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class DumpedServer:
    """Facts about a database server. `identity` distinguishes its log from those of others."""

    version: str
    data: Path
    identity: str
    has_log: bool


@dataclass(frozen=True, slots=True)
class Logged:
    """A position in the binary log of a server."""

    identity: str
    file: str
    offset: int


class _PeekedStream(io.RawIOBase):
    """A stream that passes on another one, and stores its beginning."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self._ahead = b""
        self.heading = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if self._ahead:
            block, self._ahead = self._ahead[: len(view)], self._ahead[len(view) :]
        else:
            block = self._source.read(len(view))
        view[: len(block)] = block
        if len(self.heading) < _HEADING_BYTES:
            self.heading += block[:_HEADING_BYTES]
        return len(block)

    def wait_for(self, words: bytes) -> None:
        """Read ahead up to these words, or to the end; no byte is lost to the reader."""
        while words not in self._ahead:
            # not `read`, which waits for the full number of bytes
            block = self._source.read1(_HEADING_BYTES)  # type: ignore[attr-defined]
            if not block:
                return
            self._ahead += block


class Dump:
    """A dump of a MariaDB database, or of a MySQL one without a log. Needs a connection only."""

    engine = "mariadb"
    kind: Kind = "dump"

    def __init__(self, url: URL, server: DumpedServer) -> None:
        self._url = url
        self._server = server
        self._peeked: _PeekedStream | None = None
        self.version = server.version
        self.database = url.database or ""

    @contextmanager
    def stream(self, from_position: int) -> Iterator[BinaryIO]:
        """Yield SQL that makes the tables and their rows."""
        with account_file(self._url) as file, output_of(self._argv(file)) as output:
            self._peeked = _PeekedStream(output)
            yield io.BufferedReader(self._peeked)

    def _argv(self, account: Path) -> list[str]:
        server = self._server
        return [
            find_tool("mariadb-dump", "mysqldump"),
            f"--defaults-file={account}",
            "--single-transaction",
            "--quick",
            "--skip-lock-tables",
            "--no-tablespaces",
            "--hex-blob",
            "--default-character-set=utf8mb4",
            # adds the log position as a comment; MariaDB needs no lock for it
            *(["--master-data=2"] if server.has_log and is_mariadb(server.version) else []),
            self.database,
        ]

    def position(self) -> int:
        """Return 0: a dump has no position."""
        return 0

    def logged(self) -> Logged | None:
        """Return the log position in the dump's heading; None without one."""
        found = _MASTER.search(self._peeked.heading) if self._peeked else None
        return logged(self._server, found) if found else None


class LockedDump(Dump):
    """A dump of a MySQL database, which does not report the log position of a snapshot.

    So the tables are locked from the query for the position until the dump's transaction has
    begun, some tenths of a second. The account needs RELOAD, LOCK TABLES and REPLICATION CLIENT.
    """

    def __init__(self, url: URL, server: DumpedServer) -> None:
        super().__init__(url, server)
        self._logged_at: Logged | None = None

    @contextmanager
    def stream(self, from_position: int) -> Iterator[BinaryIO]:
        """Yield SQL that makes the tables and their rows."""
        with account_file(self._url) as file, ExitStack() as stack:
            with _locked_for_reading(self._url) as connection:
                here = query_server(connection)
                self._logged_at = Logged(here.identity, here.file, here.offset)
                peeked = _PeekedStream(stack.enter_context(output_of(self._argv(file))))
                peeked.wait_for(_READS)
            yield io.BufferedReader(peeked)

    def logged(self) -> Logged | None:
        """Return the log position that the server reported while the tables were locked."""
        return self._logged_at


@contextmanager
def _locked_for_reading(url: URL) -> Iterator[Connection]:
    """Lock all tables of the database for reading, after the current writers have committed."""
    bind = make_engine(url.render_as_string(hide_password=False), pool_size=1)
    quoted = bind.dialect.identifier_preparer.quote
    try:
        with bind.connect() as connection:
            tables = ", ".join(map(quoted, inspect(bind).get_table_names()))
            try:
                connection.exec_driver_sql(f"SET SESSION lock_wait_timeout={_LOCK_WAIT_SECONDS}")
                # not LOCK TABLES: the server would let new writers in before it, again and again
                connection.exec_driver_sql(f"FLUSH TABLES {tables} WITH READ LOCK")
            except DBAPIError as error:
                raise BackupFailed(f"the tables cannot be locked: {error.orig}") from error
            try:
                yield connection
            finally:
                connection.invalidate()  # closing it releases the locks
    finally:
        bind.dispose()


def logged(server: DumpedServer, found: re.Match[bytes]) -> Logged:
    """Return the log position in a match of _MASTER or of the pattern for mariadb-backup."""
    return Logged(server.identity, found["file"].decode(), int(found["offset"]))
