"""The newest known promotion, as seen by this process, any other process, or any server.

Each promotion of a server to primary has a number, its epoch. It is stored in the table
`promotions` of the promoted server, and only a server with the newest epoch may take our writes.
Redis stores the newest epoch as well, so that a process that starts, and reaches only a server that
was replaced, can recognise it.
"""

from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import URL, create_engine

from models.core.database.connections import connection_arguments
from models.core.database.servers import split_url
from models.core.redis import signals
from models.core.settings import settings

#: A sorted set: the name of the database -> the newest epoch.
_KEY: Final = "promotions"
_BOTH: Final = "SELECT @@global.read_only, (SELECT COALESCE(MAX(epoch), 0) FROM promotions)"
_WITHOUT: Final = "SELECT @@global.read_only, NULL"
#: no database selected, no such database, no such table yet, or no permission to read it
NOT_TO_BE_READ: Final = frozenset({1044, 1046, 1049, 1142, 1146})

#: Seconds to wait for each server when all are queried.
_QUERY_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class EpochAnswer:
    """A server's answer; its epoch is 0 if there was never a promotion.

    An epoch of None is unreadable (no such table before the first migration, or no permission).
    """

    takes_writes: bool
    epoch: int | None

    def is_older_than(self, newest: int) -> bool:
        """Whether a server with the epoch `newest` has replaced this one."""
        return self.epoch is not None and self.epoch < newest


def ask(connection: Any, error: type[Exception]) -> EpochAnswer:
    """Query a server over a connection of the driver, whose errors are `error`."""
    cursor = connection.cursor()
    try:
        cursor.execute(_BOTH)
    except error as problem:
        if not problem.args or problem.args[0] not in NOT_TO_BE_READ:
            raise
        cursor.execute(_WITHOUT)
    read_only, epoch = cursor.fetchone()
    cursor.close()
    return EpochAnswer(not read_only, None if epoch is None else int(epoch))


class Memory:
    """The newest epoch of one database that this process knows of; it never decreases."""

    def __init__(self, database: str) -> None:
        self._database = database
        self.newest = 0

    def read_newest(self) -> int:
        """The newest epoch, from Redis if it answers and from this process.

        If Redis has an older epoch, because it is new or was unavailable, it is updated.
        """
        if settings().redis_url:
            found = int(signals.attempt("zscore", _KEY, self._database) or 0)
            if found < self.newest:
                self._publish(self.newest)
            self.newest = max(self.newest, found)
        return self.newest

    def note(self, epoch: int) -> None:
        """Record an epoch that was seen. If it is new to this process, Redis is updated."""
        if epoch > self.newest:
            self.newest = epoch
            if settings().redis_url:
                self._publish(epoch)

    def _publish(self, epoch: int) -> None:
        signals.attempt("zadd", _KEY, {self._database: epoch}, gt=True)


@lru_cache(maxsize=8)
def memory(database: str) -> Memory:
    """This process's memory of that database."""
    return Memory(database)


def memory_of(url: str) -> Memory | None:
    """The memory of the database of that URL; None if the URL names only one server."""
    urls = split_url(url)
    return memory(urls[0].database or "") if len(urls) > 1 else None


def learn_newest_epoch(url: str) -> None:
    """Learn the newest promotion from Redis, and from every server of that URL that answers.

    Uses connections of its own, and closes them. Does nothing if the URL names only one server.
    """
    known = memory_of(url)
    if known is None:
        return
    known.read_newest()
    for one in split_url(url):
        known.note(_epoch_of(one))


def _epoch_of(url: URL) -> int:
    """The newest promotion that a server knows; 0 if it does not answer."""
    dialect = create_engine(url).dialect
    arguments, options = dialect.create_connect_args(url)
    limits = connection_arguments(url, _QUERY_SECONDS) | {"connect_timeout": _QUERY_SECONDS}
    error = dialect.loaded_dbapi.Error
    try:
        with closing(dialect.connect(*arguments, **{**options, **limits})) as connection:
            return ask(connection, error).epoch or 0
    except error:
        return 0
