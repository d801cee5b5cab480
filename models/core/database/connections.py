"""A connection to MySQL or MariaDB that ends when the other side falls silent, whoever that is."""

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
#: For commands that an operator waits for, and for backups: a whole table may have to be read.
PATIENT_SECONDS: Final = 600
#: The server gives up first, and says so; the client only where no answer comes at all.
_GRACE_SECONDS: Final = 2
#: A machine that vanished says nothing: after so many seconds of that its connections are ended.
_SILENT_SECONDS: Final = 6

# MariaDB alone reads `/*M!`, MySQL 8 alone `/*!80000`. The last one in each is for a server whose
# client vanished in the middle of a transaction: its locks would be held for hours.
_SESSION: Final = (
    "SET SESSION time_zone='+00:00', sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', "
    "innodb_lock_wait_timeout={lock}, lock_wait_timeout={limit} "
    "/*M!100300 , max_statement_time={limit}, idle_transaction_timeout={idle} */ "
    "/*!80000 , max_execution_time={limit}000, wait_timeout={idle} */"
)

_NOBODY: Final = 2002
#: After a connection that was waited for in vain: so long nobody tries.
_PAUSE_SECONDS: Final = 1.0
_AT_ONCE_SECONDS: Final = 0.5

Connect = Callable[[Dialect, Any, Any, dict[str, Any]], Any]

_limits: list[int] = []


def statement_seconds() -> int:
    """How long a statement of this process may take."""
    return _limits[-1] if _limits else settings().database_statement_seconds


@contextmanager
def patience() -> Iterator[None]:
    """Engines made within wait long: for a command, which holds nobody else up."""
    _limits.append(PATIENT_SECONDS)
    try:
        yield
    finally:
        _limits.pop()


def connection_arguments(url: URL, limit: int) -> dict[str, Any]:
    """For MySQLdb.connect: no statement, and no wait for an answer, lasts much beyond `limit`."""
    return {
        "charset": "utf8mb4",
        "connect_timeout": settings().database_connect_seconds,
        "read_timeout": limit + _GRACE_SECONDS,
        "write_timeout": limit + _GRACE_SECONDS,
        "init_command": _SESSION.format(lock=LOCK_WAIT_SECONDS, limit=limit, idle=3 * limit),
        **tls.database_arguments(url),
    }


class Caller:
    """Makes connections; where one was waited for in vain, the next callers are told so at once.

    For a second, and then one of them tries. A refusal that comes at once costs nothing: the next
    asks again.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._not_before = 0.0

    def __call__(
        self, dialect: Dialect, record: Any, arguments: Any, options: dict[str, Any]
    ) -> Any:
        """For the event `do_connect`. Raises the driver's error."""
        began = monotonic()
        with self._lock:
            if self._not_before > began:
                error = dialect.loaded_dbapi.OperationalError
                raise error(_NOBODY, "the server did not answer a moment ago")
            if self._not_before:  # it failed: one tries, and nobody waits for the same beside it
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
    """The driver's own way, to a single server."""
    return dialect.connect(*arguments, **options)


def notice_silence(engine: Engine) -> None:
    """A statement may take its time; a machine that does not even acknowledge is gone."""
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
