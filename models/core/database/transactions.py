"""The engine, the one transaction, and what runs after its commit."""

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
    Caller,
    connection_arguments,
    notice_silence,
    statement_seconds,
)
from models.core.database.pool_metrics import watch_pool
from models.core.database.primary import SERVER, way
from models.core.database.servers import split_url
from models.core.errors import Busy
from models.core.observe import traces
from models.core.settings import settings

log = logging.getLogger(__name__)

T = TypeVar("T")

ATTEMPTS = 3
#: Whoever has waited so long for a server that then fell silent is not made to wait again.
PATIENCE_SECONDS = 10
#: A connection idle for longer is asked whether it lives before it is used.
IDLE_SECONDS = 1.0
#: deadlock, lock wait, "record has changed since last read" (MariaDB), a migration came between
_RETRY_CODES = frozenset({1213, 1205, 1020, 1412})
#: MariaDB names the unique key of the references, SQLite the column
_CLASHES = (
    "table_occupancy",
    "seated_tables",
    "uq_reservations_reference",
    "failed: reservations.reference",
)
_READ_ONLY = "maitred_read_only"
_ONE_STATE = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
_BEFORE, _AFTER = "before_commit", "after_commit"
_LINE = "maitred_line"
_IDLE_SINCE = "maitred_idle_since"


class Base(DeclarativeBase):
    """Every mapped class."""


def make_engine(url: str, *, pool_size: int = 16, limit: int = 0) -> Engine:
    """An engine whose isolation and timeouts are what the book's lock needs.

    READ COMMITTED on MySQL and MariaDB: under REPEATABLE READ a plain SELECT before the lock
    fixes the snapshot, and callers who each held the lock sold one table four times.

    A URL may name several servers: connections lead to the one that is the primary. `limit`:
    seconds that a statement may take, else as this process's settings say.
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
        # every session ends its own transaction: a second ROLLBACK is a round trip for nothing
        pool_reset_on_return=None,
        connect_args=connection_arguments(parsed, limit or statement_seconds()),
    )
    notice_silence(engine)
    _ping_the_idle(engine)
    event.listen(engine, "do_connect", Caller(way(engine, (parsed, *others))))
    return engine


def primary_url(url: str) -> str:
    """Of a URL with several servers, that of the one which takes writes now; others as they are.

    For the database's own programs, which know but one. Raises the driver's error when none does.
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
    """A connection that lay idle is asked whether it lives, and replaced when the server restarted.

    `pool_pre_ping` would ask every time: a round trip for each request, on the busiest evenings.
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
    # parameters are guests' names and notes: no error's text, and so no log, may carry them
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 5})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA busy_timeout=5000")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # BEGIN IMMEDIATE takes SQLite's only write lock at once: here it *is* the book lock.
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
    """SQLite's one write lock is polled for, and the unlucky wait for seconds.

    So the threads of one process stand in line for it, and only processes poll.
    """
    options = bind.get_execution_options()
    return nullcontext() if _READ_ONLY in options else options.get(_LINE) or nullcontext()


@contextmanager
def _committed(chosen: Engine) -> Iterator[Connection]:
    """The one place that commits. Rolls back on any error."""
    with _in_line(chosen), chosen.connect() as connection, connection.begin() as work:
        yield connection
        with traces.piece("COMMIT"):
            work.commit()


@contextmanager
def transaction(bind: Engine | None = None) -> Iterator[Session]:
    """A session whose work is committed at the end; then what `after_commit` kept is run.

    An error in such a hook is logged and swallowed: the commit stands, and the sweep finds
    whatever the hook should have nudged.
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
        except Exception:  # a hook is a nudge; the rows are the truth
            log.warning("after-commit hook failed", exc_info=True)


def unit(work: Callable[[Session], T], bind: Engine | None = None) -> T:
    """Run `work` in a transaction of its own, again when the database asks for it.

    Raises Busy when a lock was not to be had, and lets the driver's error through when the
    database is gone. `work` must be safe to run again: it is, because it reads states.
    """

    def once() -> T:
        with transaction(bind) as session:
            return work(session)

    return _again(once)


def plain_unit(work: Callable[[Connection], T], bind: Engine | None = None) -> T:
    """The same for a few plain statements: without a session, which costs more than they do."""

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
    """Deadlock, lock wait, stale read, lost connection, or a clash that another try avoids.

    Those are a table that another book's party took meanwhile (the occupancy key, or the key of
    who sits where), and a reference that is given already.
    """
    if error.connection_invalidated:
        return True
    code = error.orig.args[0] if error.orig and error.orig.args else None
    text = str(error.orig)
    if code in _RETRY_CODES or "database is locked" in text:
        return True
    # MariaDB names the key `PRIMARY` and no table, SQLite the table: the statement has it always
    text = f"{text} {error.statement}"
    return isinstance(error, IntegrityError) and any(clash in text for clash in _CLASHES)


@contextmanager
def reading(bind: Engine | None = None) -> Iterator[Session]:
    """A session for reads alone: takes no write lock on SQLite, and is rolled back at the end."""
    chosen = (bind or engine()).execution_options(**{_READ_ONLY: True})
    with Session(chosen, expire_on_commit=False) as session:
        yield session
        session.rollback()


def one_state(look: Callable[[Session], T], bind: Engine | None = None) -> T:
    """What `look` sees in one state, by a round trip more; again when a migration came between."""

    def once() -> T:
        with reading(bind) as session:
            if dialect_of(session) != "sqlite":  # where it is so
                session.connection().exec_driver_sql(_ONE_STATE)
            return look(session)

    return _again(once)


def after_commit(session: Session, hook: Callable[[], None]) -> None:
    """Run `hook` once this session's transaction has committed; never when it is rolled back."""
    session.info.setdefault(_AFTER, []).append(hook)


def before_commit(session: Session, hook: Callable[[], None]) -> None:
    """Run `hook` as the last thing before this session's commit (cache: mark as changing)."""
    session.info.setdefault(_BEFORE, []).append(hook)


def table_of(entity: type[Base]) -> Table:
    """The table of a mapped class, for statements that need no objects."""
    return cast("Table", entity.__table__)


def dialect_of(session: Session) -> str:
    """`sqlite`, `mysql` or `mariadb`."""
    return session.get_bind().dialect.name
