"""The engine, transactions, and hooks that run after a commit."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session

from models.core.database.connections import (
    LOCK_WAIT_SECONDS,
    ConnectBreaker,
    connection_arguments,
    enable_keepalive,
    statement_seconds,
)
from models.core.database.pool_metrics import watch_pool
from models.core.database.primary import SERVER, connector_for
from models.core.database.servers import split_url
from models.core.errors import Busy
from models.core.observe import traces
from models.core.settings import settings

log = logging.getLogger(__name__)
T = TypeVar("T")

ATTEMPTS = 3
#: No retry after a lost connection if this many seconds have passed already.
PATIENCE_SECONDS = 10
#: A connection idle for longer is pinged before it is used.
IDLE_SECONDS = 1.0
#: deadlock, lock wait, "record has changed since last read" (MariaDB), a migration in between
_RETRY_CODES = frozenset({1213, 1205, 1020, 1412})
#: MariaDB names the unique key of the references, SQLite the column
_REFERENCE = ("uq_reservations_reference", "failed: reservations.reference")
_CLASHES = ("table_occupancy", "seated_tables", *_REFERENCE)
_READ_ONLY = "maitred_read_only"
_ONE_STATE = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
_BEFORE, _AFTER = "before_commit", "after_commit"
_LINE, _IDLE_SINCE = "maitred_line", "maitred_idle_since"


class Base(DeclarativeBase):
    """Base class of all mapped classes."""


def make_engine(url: str, *, pool_size: int = 16, limit: int = 0) -> Engine:
    """An engine with the isolation and timeouts that the book lock needs.

    READ COMMITTED on MySQL and MariaDB: under REPEATABLE READ a plain SELECT before the lock fixes
    the snapshot, and callers who each held the lock sold one table four times.

    A URL may name several servers: connections go to the primary. `limit`: seconds that a statement
    may take; 0: the limit of this process's settings.
    """
    parsed, *others = split_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _make_sqlite(url, parsed.database)
    engine = create_engine(
        parsed,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=LOCK_WAIT_SECONDS,
        pool_recycle=1800,
        pool_pre_ping=False,
        # every session ends its own transaction: a second ROLLBACK would waste a round trip
        pool_reset_on_return=None,
        connect_args=connection_arguments(parsed, limit or statement_seconds()),
    )
    enable_keepalive(engine)
    _ping_the_idle(engine)
    event.listen(engine, "do_connect", ConnectBreaker(connector_for(engine, (parsed, *others))))
    return engine


def primary_url(url: str) -> str:
    """The URL of the current primary, if `url` names several servers; else `url` itself.

    For the database's own programs, which accept only one server. Raises the driver's error if
    there is no primary.
    """
    if len(split_url(url)) == 1:
        return url
    bind = make_engine(url, pool_size=1)
    try:
        with bind.connect() as connection:
            server: URL = connection.info[SERVER]
    finally:
        bind.dispose()
    return server.render_as_string(hide_password=False)


def _ping_the_idle(engine: Engine) -> None:
    """Ping a connection that was idle before it is used, and replace it if the server restarted.

    `pool_pre_ping` would ping every time: one more round trip for each request.
    """

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, record: Any) -> None:
        record.info[_IDLE_SINCE] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, record: Any, _proxy: Any) -> None:
        since = record.info.get(_IDLE_SINCE)
        if since is None or time.monotonic() - since < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as gone:
            raise DisconnectionError from gone  # the pool makes a new one


def _make_sqlite(url: str, database: str | None) -> Engine:
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    # parameters are guests' names and notes: no error text, and so no log, may contain them
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 5})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # BEGIN is issued below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA busy_timeout=5000")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # BEGIN IMMEDIATE takes SQLite's only write lock immediately: here it *is* the book lock.
        read_only = connection.get_execution_options().get(_READ_ONLY)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine.execution_options(**{_LINE: threading.RLock()})


@lru_cache(maxsize=1)
def engine() -> Engine:
    """The process's engine."""
    made = make_engine(settings().database_url)
    watch_pool(made)
    return made


def _in_line(bind: Engine) -> AbstractContextManager[object]:
    """A lock among this process's threads, to queue for SQLite's one write lock.

    SQLite polls for its lock, and unlucky threads would wait for seconds. So threads queue, and
    only processes poll.
    """
    options = bind.get_execution_options()
    return nullcontext() if _READ_ONLY in options else options.get(_LINE) or nullcontext()


@contextmanager
def _committed(chosen: Engine) -> Iterator[Connection]:
    """The only place that commits. Rolls back on any error."""
    with _in_line(chosen), chosen.connect() as connection, connection.begin() as work:
        yield connection
        with traces.child_span("COMMIT"):
            work.commit()


@contextmanager
def transaction(bind: Engine | None = None) -> Iterator[Session]:
    """A session that is committed at the end; then the hooks of `after_commit` run.

    An error in such a hook is logged and swallowed: the commit stands, and the sweep finds the work
    that the hook should have announced.
    """
    hooks: list[Callable[[], None]] = []
    with (
        _committed(bind or engine()) as connection,
        Session(connection, expire_on_commit=False) as session,
    ):
        yield session
        session.flush()
        for hook in session.info.get(_BEFORE, []):
            hook()
        hooks = session.info.get(_AFTER, [])
    for hook in hooks:
        try:
            hook()
        except Exception:  # a hook is only a nudge; the rows are authoritative
            log.warning("after-commit hook failed", exc_info=True)


def unit(work: Callable[[Session], T], bind: Engine | None = None) -> T:
    """Run `work` in a transaction of its own, with retries when the database asks for them.

    Raises Busy if a lock could not be obtained, and passes the driver's error on if the database is
    gone. `work` must be safe to run again: it is, because it reads states.
    """

    def once() -> T:
        with transaction(bind) as session:
            return work(session)

    return _again(once)


def plain_unit(work: Callable[[Connection], T], bind: Engine | None = None) -> T:
    """Like `unit`, for a few plain statements: no session, which would cost more than they do."""

    def once() -> T:
        with _committed(bind or engine()) as connection:
            return work(connection)

    return _again(once)


def _again(once: Callable[[], T]) -> T:
    began = time.monotonic()
    for attempt in range(ATTEMPTS):
        try:
            return once()
        except DBAPIError as error:
            if not is_retryable(error):
                raise
            if error.connection_invalidated and time.monotonic() - began > PATIENCE_SECONDS:
                raise
            if attempt == ATTEMPTS - 1:
                if error.connection_invalidated:
                    raise
                raise Busy("the book is busy; try again in a moment") from error
            time.sleep(random.uniform(0.01, 0.05) * (attempt + 1))  # nosec B311 - a pause
    raise AssertionError("unreachable")


def is_retryable(error: DBAPIError) -> bool:
    """Deadlock, lock wait, stale read, lost connection, or a clash that a retry avoids.

    Those clashes are a table taken meanwhile by another book's party (the occupancy key, or the key
    of seated tables), and a reference that is already in use.
    """
    if error.connection_invalidated:
        return True
    code = error.orig.args[0] if error.orig and error.orig.args else None
    text = str(error.orig)
    if code in _RETRY_CODES or "database is locked" in text:
        return True
    # MariaDB names the key `PRIMARY` but no table, SQLite the table; the statement always names it
    text = f"{text} {error.statement}"
    return isinstance(error, IntegrityError) and any(clash in text for clash in _CLASHES)


@contextmanager
def reading(bind: Engine | None = None) -> Iterator[Session]:
    """A read-only session: takes no write lock on SQLite, and is rolled back at the end."""
    chosen = (bind or engine()).execution_options(**{_READ_ONLY: True})
    with Session(chosen, expire_on_commit=False) as session:
        yield session
        session.rollback()


def one_state(read: Callable[[Session], T], bind: Engine | None = None) -> T:
    """Run `read` on one consistent snapshot, for one more round trip.

    Retried if a migration interferes.
    """

    def once() -> T:
        with reading(bind) as session:
            if dialect_of(session) != "sqlite":  # SQLite always reads one snapshot
                session.connection().exec_driver_sql(_ONE_STATE)
            return read(session)

    return _again(once)


def after_commit(session: Session, hook: Callable[[], None]) -> None:
    """Run `hook` after this session's transaction has committed; never if it is rolled back."""
    session.info.setdefault(_AFTER, []).append(hook)


def before_commit(session: Session, hook: Callable[[], None]) -> None:
    """Run `hook` as the last step before this session's commit (cache: mark as changing)."""
    session.info.setdefault(_BEFORE, []).append(hook)


def table_of(entity: type[Base]) -> Table:
    """The table of a mapped class, for statements that need no objects."""
    return cast("Table", entity.__table__)


def dialect_of(session: Session) -> str:
    """`sqlite`, `mysql` or `mariadb`."""
    return session.get_bind().dialect.name
