"""Which promotion is the newest that was ever seen: here, by any process, by any server.

Each promotion of a server to the primary has a number, its epoch. It stands in the table
`promotions` of the server that was promoted, and only a server with the newest takes our writes.
Redis remembers the newest as well: a process that starts, and reaches only a server that was
replaced, knows by it.
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
#: no database chosen, none such, no such table yet, or an account that may not read it
NOT_TO_BE_READ: Final = frozenset({1044, 1046, 1049, 1142, 1146})

#: So long a look at all servers waits for one that says nothing.
_LOOK_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server says of itself; its epoch is 0 where none was ever promoted.

    None: it cannot be read (no such table before the first migration, or no right to).
    """

    takes_writes: bool
    epoch: int | None

    def is_older_than(self, newest: int) -> bool:
        """Whether a server with that newer epoch has taken this one's place."""
        return self.epoch is not None and self.epoch < newest


def ask(connection: Any, error: type[Exception]) -> Answer:
    """Ask a server over a connection of the driver, whose errors are `error`."""
    cursor = connection.cursor()
    try:
        cursor.execute(_BOTH)
    except error as problem:
        if not problem.args or problem.args[0] not in NOT_TO_BE_READ:
            raise
        cursor.execute(_WITHOUT)
    read_only, epoch = cursor.fetchone()
    cursor.close()
    return Answer(not read_only, None if epoch is None else int(epoch))


class Memory:
    """The newest epoch of one database that this process knows of; it never grows less."""

    def __init__(self, database: str) -> None:
        self._database = database
        self.newest = 0

    def look(self) -> int:
        """What Redis remembers, if it answers; else what this process knows.

        A Redis that knows less, since it is new or was away, is told.
        """
        if settings().redis_url:
            found = int(signals.attempt("zscore", _KEY, self._database) or 0)
            if found < self.newest:
                self._tell(self.newest)
            self.newest = max(self.newest, found)
        return self.newest

    def note(self, epoch: int) -> None:
        """This epoch was seen. One that is new to us is told to Redis."""
        if epoch > self.newest:
            self.newest = epoch
            if settings().redis_url:
                self._tell(epoch)

    def _tell(self, epoch: int) -> None:
        signals.attempt("zadd", _KEY, {self._database: epoch}, gt=True)


@lru_cache(maxsize=8)
def memory(database: str) -> Memory:
    """This process's memory of that database."""
    return Memory(database)


def memory_of(url: str) -> Memory | None:
    """The memory of the database of that URL; None where it names but one server."""
    urls = split_url(url)
    return memory(urls[0].database or "") if len(urls) > 1 else None


def look_everywhere(url: str) -> None:
    """Learn of the newest promotion from Redis, and from every server of that URL that answers.

    Over connections of its own, which are closed. Where the URL names but one server, nobody is
    asked.
    """
    known = memory_of(url)
    if known is None:
        return
    known.look()
    for one in split_url(url):
        known.note(_epoch_of(one))


def _epoch_of(url: URL) -> int:
    """The newest promotion that a server knows; 0 where it says nothing."""
    dialect = create_engine(url).dialect
    arguments, options = dialect.create_connect_args(url)
    limits = connection_arguments(url, _LOOK_SECONDS) | {"connect_timeout": _LOOK_SECONDS}
    error = dialect.loaded_dbapi.Error
    try:
        with closing(dialect.connect(*arguments, **{**options, **limits})) as connection:
            return ask(connection, error).epoch or 0
    except error:
        return 0
