"""The binary log of a MariaDB or MySQL server, and its copy."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, make_url

from models.core.database.transactions import make_engine, primary_url
from tasks.backups.faults import BackupFailed
from tasks.backups.log.binlog.mysql import check_variables
from tasks.backups.log.origin import BinaryLog, origin_of, query_server, stored_files
from tasks.backups.log.position import number_of
from tasks.backups.log.ship import Diverged, Shipper
from tasks.backups.log.tail import Tail, tailing
from tasks.backups.stores.safe import Safe

log = logging.getLogger(__name__)


class ServerLog:
    """A server's binary log.

    The account needs REPLICATION SLAVE and BINLOG MONITOR (MySQL: REPLICATION CLIENT).
    """

    def __init__(self, safe: Safe, url: str) -> None:
        self._safe = safe
        self._url = url
        self._bind: Engine = make_engine(url, pool_size=1)

    def origin(self) -> str:
        """Return the log's origin, its name in this life. Raises BackupFailed without a log."""
        server, _files = self._ask()
        if not server.file:
            raise BackupFailed("the server writes no binary log (log_bin)")
        return origin_of(server.identity)

    @contextmanager
    def copied(self, shipper: Shipper, folder: Path) -> Iterator[Tail]:
        """Copy the log, from the start of the file in which the shipper's pieces end."""
        server, files = self._ask()
        first = self._first(shipper, files)
        # resolved here and not earlier: a fail-over may have changed the primary
        url = make_url(primary_url(self._url))
        with tailing(url, folder, first, self.log_end, is_mariadb=server.is_mariadb) as tail:
            yield tail

    def log_end(self) -> tuple[int, int] | None:
        """Return the server's current file and offset; None when it has no log."""
        server, _files = self._ask()
        return (number_of(server.file), server.offset) if server.file else None

    def _first(self, shipper: Shipper, files: list[str]) -> str:
        """Return the file to copy from: the one stored in part, or the newest backup's.

        Else the server's newest. Logs a gap when the stored one is gone from the server. Raises
        Diverged when the server has no later file either.
        """
        if shipper.file in files:
            return shipper.file
        if shipper.file:
            later = [file for file in files if number_of(file) > shipper.number]
            if not later:
                raise Diverged(f"{shipper.file} is stored, but the server has only {files[-1]}")
            log.error("database log has a gap", extra={"stored": shipper.file, "server": later[0]})
            return later[0]
        found, _damaged = self._safe.catalogue()
        shipped = [one.log.file for one in found if one.log and one.log.origin == shipper.origin]
        return next((file for file in reversed(shipped) if file in files), files[-1])

    def _ask(self) -> tuple[BinaryLog, list[str]]:
        try:
            with self._bind.connect() as connection:
                server = query_server(connection)
                if not server.is_mariadb:
                    check_variables(connection)
                return server, stored_files(connection) if server.file else []
        finally:
            self._bind.dispose()
