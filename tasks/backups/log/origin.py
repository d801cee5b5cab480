"""Which database's log this is, and where it stands."""

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

#: Of an origin's name in the store.
_LENGTH = 12


#: "You have an error in your SQL syntax": MySQL before 8.2 asks in the words of MariaDB.
_SYNTAX: Final = 1064


@dataclass(frozen=True, slots=True)
class Server:
    """A server's binary log: the file it writes, and how far; `file` is empty when it has none.

    `identity` tells it from the logs of other servers.
    """

    identity: str
    is_mariadb: bool
    file: str
    offset: int


def look_at(connection: Connection) -> Server:
    """Ask the server.

    Takes BINLOG MONITOR (on MySQL: REPLICATION CLIENT), or the driver's error comes through.
    """
    version, has_log = connection.exec_driver_sql("SELECT @@version, @@log_bin").one()
    file, offset = _place(connection, version) if has_log else ("", 0)
    return Server(identity_of(connection), is_mariadb(version), file, offset)


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
    """What tells this server's log from others': on MySQL another whenever it is seeded anew."""
    number, version = connection.exec_driver_sql("SELECT @@server_id, @@version").one()
    if is_mariadb(version):
        return str(number)
    return f"{number} {connection.exec_driver_sql('SELECT @@server_uuid').scalar_one()}"


def stored_files(connection: Connection) -> list[str]:
    """The files of the log that the server still has, oldest first."""
    return [str(row[0]) for row in connection.exec_driver_sql("SHOW BINARY LOGS")]


def origin_of(identity: str) -> str:
    """The name of this server's log in this life: another after a restore, or on a replica.

    The life is a word that the database itself remembers, and that a restore takes out of it.
    """
    life = unit(remembered)["life"]
    return hashlib.sha256(f"{life} {identity}".encode()).hexdigest()[:_LENGTH]


def remembered(session: Session) -> dict[str, Any]:
    """What the record of the log holds; a new life when there is none."""
    return remember(session, LOG, {"life": secrets.token_hex(8)})
