"""Which database's log this is, and where it stands."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from models.core.db import unit
from models.operations.house import remember
from tasks.backups.records import LOG

#: Of an origin's name in the store.
_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Server:
    """A server's binary log: the file it writes, and how far; `file` is empty when it has none."""

    id: int
    is_mariadb: bool
    file: str
    offset: int


def look_at(connection: Connection) -> Server:
    """Ask the server. Takes BINLOG MONITOR, or the driver's error comes through."""
    number, version, has_log = connection.exec_driver_sql(
        "SELECT @@server_id, @@version, @@log_bin"
    ).one()
    is_mariadb = "mariadb" in str(version).lower()
    row = None
    if has_log and is_mariadb:
        row = connection.exec_driver_sql("SHOW MASTER STATUS").first()
    return Server(int(number), is_mariadb, str(row[0]) if row else "", int(row[1]) if row else 0)


def stored_files(connection: Connection) -> list[str]:
    """The files of the log that the server still has, oldest first."""
    return [str(row[0]) for row in connection.exec_driver_sql("SHOW BINARY LOGS")]


def origin_of(server_id: int) -> str:
    """The name of this server's log in this life: another after a restore, or on a replica.

    The life is a word that the database itself remembers, and that a restore takes out of it.
    """
    life = unit(remembered)["life"]
    return hashlib.sha256(f"{life} {server_id}".encode()).hexdigest()[:_LENGTH]


def remembered(session: Session) -> dict[str, Any]:
    """What the record of the log holds; a new life when there is none."""
    return remember(session, LOG, {"life": secrets.token_hex(8)})
