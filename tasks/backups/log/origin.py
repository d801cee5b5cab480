"""Which database's log this is, and where it stands."""

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, update
from sqlalchemy.orm import Session

from models.core.db import unit
from models.entities.house import JobRun
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
    return origin_in(unit(remembered), server_id)


def origin_in(found: dict[str, Any], server_id: int) -> str:
    """The same, of what the record of the log holds; empty when it holds no life."""
    life = found.get("life")
    return hashlib.sha256(f"{life} {server_id}".encode()).hexdigest()[:_LENGTH] if life else ""


def remembered(session: Session) -> dict[str, Any]:
    """What the record of the log holds; a new life when there is none."""
    return remember(session, LOG, {"life": secrets.token_hex(8)})


def noted_in(connection: sqlite3.Connection) -> dict[str, Any]:
    """The same as a SQLite file has it, as of the connection's transaction."""
    row = connection.execute("SELECT result FROM job_runs WHERE name = ?", (LOG,)).fetchone()
    return (orjson.loads(row[0]) if row and row[0] else None) or {}


def stored_place(connection: sqlite3.Connection) -> tuple[str, int] | None:
    """How far the log was stored: a file of it and a place in it. None where nobody follows.

    The start of the log, where somebody is about to begin it.
    """
    try:
        found = noted_in(connection)
        is_begun = connection.execute("SELECT 1 FROM leases WHERE name = ?", (LOG,)).fetchone()
    except sqlite3.OperationalError:
        return None  # a database without tables yet
    if "file" not in found and not is_begun:
        return None
    return f"pages.{found.get('file', 1):08d}", found.get("offset", 0)


def count_snapshot() -> None:
    """A snapshot of the database was made: what its log says from now on was after it."""

    def work(session: Session) -> None:
        found = remembered(session)
        counted = found | {"snapshots": found.get("snapshots", 0) + 1}
        session.execute(update(JobRun).where(JobRun.name == LOG).values(result=counted))

    unit(work)
