"""The origin of a log: which server and which life of its database it belongs to.

A life is a random word that the database stores. A restore removes it, so the log starts anew.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from models.core.database.transactions import unit
from models.operations.running.jobs import remember
from tasks.backups.databases.dialects import is_mariadb
from tasks.backups.records import LOG

#: Length of an origin's name in the store.
_LENGTH = 12


#: "You have an error in your SQL syntax": MySQL before 8.2 uses MariaDB's statement.
_SYNTAX: Final = 1064


@dataclass(frozen=True, slots=True)
class BinaryLog:
    """A server's binary log: its current file and offset; `file` is empty when it has none.

    `identity` distinguishes it from the logs of other servers.
    """

    identity: str
    is_mariadb: bool
    file: str
    offset: int


def query_server(connection: Connection) -> BinaryLog:
    """Query the server.

    The account needs BINLOG MONITOR (on MySQL: REPLICATION CLIENT). Raises the driver's errors.
    """
    version, has_log = connection.exec_driver_sql("SELECT @@version, @@log_bin").one()
    file, offset = _place(connection, version) if has_log else ("", 0)
    return BinaryLog(identity_of(connection), is_mariadb(version), file, offset)


def _place(connection: Connection, version: str) -> tuple[str, int]:
    row: Any = None
    try:
        words = "MASTER" if is_mariadb(version) else "BINARY LOG"
        row = connection.exec_driver_sql(f"SHOW {words} STATUS").first()
    except ProgrammingError as error:
        if error.orig is None or error.orig.args[0] != _SYNTAX:
            raise
        row = connection.exec_driver_sql("SHOW MASTER STATUS").first()
    return (str(row[0]), int(row[1])) if row else ("", 0)


def identity_of(connection: Connection) -> str:
    """Return the identity of the server's log; on MySQL a new one whenever it is seeded anew."""
    number, version = connection.exec_driver_sql("SELECT @@server_id, @@version").one()
    if is_mariadb(version):
        return str(number)
    return f"{number} {connection.exec_driver_sql('SELECT @@server_uuid').scalar_one()}"


def stored_files(connection: Connection) -> list[str]:
    """Return the files of the log that the server still has, oldest first."""
    return [str(row[0]) for row in connection.exec_driver_sql("SHOW BINARY LOGS")]


def origin_of(identity: str) -> str:
    """Return the name of this server's log in this life: another after a restore or on a replica.

    Creates the life where there is none.
    """
    life = unit(remembered)["life"]
    return hashlib.sha256(f"{life} {identity}".encode()).hexdigest()[:_LENGTH]


def remembered(session: Session) -> dict[str, Any]:
    """Return the result in the log job's record; with a new life when there is none."""
    return remember(session, LOG, {"life": secrets.token_hex(8)})
