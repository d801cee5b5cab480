"""Connections to MySQL or MariaDB that end when either side stops answering."""

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import Dialect

from models.core import tls
from models.core.settings import settings

LOCK_WAIT_SECONDS: Final = 3
#: For commands that an operator waits for, and for backups, which may read a whole table.
PATIENT_SECONDS: Final = 600
#: The server times out first and reports it; the client only if no answer comes at all.
_GRACE_SECONDS: Final = 2
#: Seconds without any acknowledgement after which the connections to a machine are closed.
_SILENT_SECONDS: Final = 6

# Only MariaDB runs `/*M!`, only MySQL 8 `/*!80000`. The last limit in each is for clients that
# vanish during a transaction: otherwise the server would hold their locks for hours.
_SESSION: Final = (
    "SET SESSION time_zone='+00:00', sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
    "innodb_lock_wait_timeout={lock}, lock_wait_timeout={limit} "
    "/*M!100300 , max_statement_time={limit}, idle_transaction_timeout={idle} */ "
    "/*!80000 , max_execution_time={limit}000, wait_timeout={idle} */"
)

_NOBODY: Final = 2002
#: No connection is tried for this long after one failed with a delay.
_PAUSE_SECONDS: Final = 1.0
_AT_ONCE_SECONDS: Final = 0.5

Connect = Callable[[Dialect, Any, Any, dict[str, Any]], Any]

_limits: list[int] = []


def statement_seconds() -> int:
    """The statement time limit of this process, in seconds."""
    return _limits[-1] if _limits else settings().database_statement_seconds


@contextmanager
def patience() -> Iterator[None]:
    """Give engines made inside the block long time limits: for a command, which delays nobody."""
    _limits.append(PATIENT_SECONDS)
    try:
        yield
    finally:
        _limits.pop()


def connection_arguments(url: URL, limit: int) -> dict[str, Any]:
    """Arguments for MySQLdb.connect: no statement or answer takes much longer than `limit` s."""
    return {
        "charset": "utf8mb4",
        "connect_timeout": settings().database_connect_seconds,
        "read_timeout": limit + _GRACE_SECONDS,
        "write_timeout": limit + _GRACE_SECONDS,
        "init_command": _SESSION.format(lock=LOCK_WAIT_SECONDS, limit=limit, idle=3 * limit),
        **tls.database_arguments(url),
    }


class ConnectBreaker:
    """Opens connections. After a connection failed with a delay, further calls fail immediately.

    They do so for a second; then one of them tries. A connection refused without delay costs
    nothing, so the next call tries again.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._not_before = 0.0

    def __call__(
        self, dialect: Dialect, record: Any, arguments: Any, options: dict[str, Any]
    ) -> Any:
        """Handler of the event `do_connect`. Raises the driver's error."""
        began = monotonic()
        with self._lock:
            if self._not_before > began:
                error = dialect.loaded_dbapi.OperationalError
                raise error(_NOBODY, "the last attempt to connect failed a moment ago")
            if self._not_before:  # the last one failed: one thread tries, no other waits with it
                self._not_before = began + settings().database_connect_seconds
        try:
            connection = self._connect(dialect, record, arguments, options)
        except dialect.loaded_dbapi.Error:
            waited = monotonic() - began > _AT_ONCE_SECONDS
            self._not_before = monotonic() + _PAUSE_SECONDS if waited else 0.0
            raise
        self._not_before = 0.0
        return connection


def plain_connect(dialect: Dialect, _record: Any, arguments: Any, options: dict[str, Any]) -> Any:
    """The driver's own connect, for a single server."""
    return dialect.connect(*arguments, **options)


def enable_keepalive(engine: Engine) -> None:
    """Close connections to a machine that acknowledges nothing. Slow statements are unaffected."""
    if sys.platform == "linux":
        event.listen(engine, "connect", _keep_alive)


def _keep_alive(connection: Any, _record: object) -> None:
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        if line.family not in (socket.AF_INET, socket.AF_INET6):
            return
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 2)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _SILENT_SECONDS - 2)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_SECONDS * 1000)
