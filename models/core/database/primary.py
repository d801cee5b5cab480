"""Connections to the primary: of several servers, the writable one that was promoted last.

A primary that was cut off while another one was promoted may return and still accept writes. Data
written there is lost, so it must never be chosen.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import Dialect, ExceptionContext
from sqlalchemy.exc import DisconnectionError

from models.core.database.connections import Connect, plain_connect
from models.core.database.epochs import EpochAnswer, Memory, ask, memory
from models.core.database.servers import server_name

#: Key in a connection record's info: the URL of its server.
SERVER: Final = "maitred_server"
_EPOCH: Final = "maitred_epoch"
_LET_GO: Final = "maitred_let_go"
_PORT: Final = 3306
#: "The server is running with the --read-only option": it was fenced, or never was the primary
_READ_ONLY: Final = 1290
_NOBODY: Final = 2002
#: Seconds to wait for a further server, which may have a later promotion, once a writable one is
#: found.
_QUERY_SECONDS: Final = 2


def connector_for(engine: Engine, urls: tuple[URL, ...]) -> Connect:
    """The function that opens the engine's connections."""
    if len(urls) == 1:
        return plain_connect
    servers = Servers(urls, memory(urls[0].database or ""))
    servers.listen(engine)
    return servers.connect


@dataclass(frozen=True, slots=True)
class _Found:
    number: int
    connection: Any
    answer: EpochAnswer

    @property
    def epoch(self) -> int:
        return self.answer.epoch or 0


class Servers:
    """Chooses the server of each new connection.

    The first connection queries every server; later ones query the server that was chosen last, and
    the others only if that one is no longer writable or was replaced. This happens once per new
    connection, never per request.
    """

    def __init__(self, urls: tuple[URL, ...], newest: Memory) -> None:
        self._urls = urls
        self._memory = newest
        self._last: int | None = None
        self._error: type[Exception] = Exception

    def listen(self, engine: Engine) -> None:
        """Drop all connections of the engine to a server as soon as it is fenced or replaced."""
        self._error = engine.dialect.loaded_dbapi.OperationalError
        event.listen(engine, "handle_error", _let_go_when_fenced)
        event.listen(engine, "checkout", self._let_go_when_replaced)

    def connect(
        self, dialect: Dialect, record: Any, arguments: Any, options: dict[str, Any]
    ) -> Any:
        """Open a connection to the primary. Raises the driver's error if no server is writable."""
        newest = self._memory.read_newest()
        problems: list[tuple[int, str]] = []
        found = self._choose(dialect, arguments, options, newest=newest, problems=problems)
        if found is None:
            texts = "; ".join(text for _code, text in problems)
            raise dialect.loaded_dbapi.OperationalError(
                problems[0][0], f"no server accepts writes: {texts}"
            )
        # a plain assignment: threads may race here, and any of their results is fine
        self._last = found.number
        self._memory.note(found.epoch)
        if record is not None:
            # a connection whose epoch cannot be read never counts as replaced
            epoch = found.answer.epoch
            record.info.update({SERVER: self._urls[found.number], _EPOCH: epoch})
        return found.connection

    def _choose(
        self,
        dialect: Dialect,
        arguments: Any,
        options: dict[str, Any],
        *,
        newest: int,
        problems: list[tuple[int, str]],
    ) -> _Found | None:
        """Of all writable servers that were not replaced, the one that was promoted last."""
        best: _Found | None = None
        for number in sorted(range(len(self._urls)), key=lambda number: number != self._last):
            seconds = min(options["connect_timeout"], _QUERY_SECONDS if best else 60)
            place = options | _place(self._urls[number]) | {"connect_timeout": seconds}
            found = self._ask(number, dialect, arguments, place, problems)
            if found is None:
                continue
            if best is None or found.epoch > best.epoch:
                best, found = found, best
            if found is not None:
                found.connection.close()
            if best.number == self._last and not best.answer.is_older_than(newest):
                return best
        if best is not None and best.answer.is_older_than(max(newest, self._memory.newest)):
            best.connection.close()
            name = server_name(self._urls[best.number])
            problems.insert(0, (_READ_ONLY, f"{name} was replaced (docs/failover.md, 4)"))
            return None
        return best

    def _ask(
        self,
        number: int,
        dialect: Dialect,
        arguments: Any,
        options: dict[str, Any],
        problems: list[tuple[int, str]],
    ) -> _Found | None:
        error = dialect.loaded_dbapi.Error
        name = server_name(self._urls[number])
        try:
            connection = dialect.connect(*arguments, **options)
            answer = ask(connection, error)
        except error as problem:
            code, *said = problem.args or (_NOBODY,)
            problems.append((code, f"{name}: {' '.join(map(str, said))}"))
            return None
        # a replica knows of every promotion that it has received
        self._memory.note(answer.epoch or 0)
        if not answer.takes_writes:
            connection.close()
            problems.append((_READ_ONLY, f"{name} is read-only"))
            return None
        return _Found(number, connection, answer)

    def _let_go_when_replaced(self, _connection: Any, record: Any, _proxy: Any) -> None:
        """Drop a connection made before a newer promotion was seen. Costs no round trip.

        The pool then makes a new one. If that is replaced too, the pool would give up with an error
        without a cause: so the second time the caller gets the database's own error, and retries.
        """
        epoch = record.info.get(_EPOCH)
        again = record.record_info.pop(_LET_GO, False)
        if epoch is None or epoch >= self._memory.newest:
            return
        if again:
            raise self._error(_READ_ONLY, "the primary was replaced: it counts as read-only")
        record.record_info[_LET_GO] = True
        raise DisconnectionError


def _place(url: URL) -> dict[str, Any]:
    return {"host": url.host, "port": url.port or _PORT}


def _let_go_when_fenced(context: ExceptionContext) -> None:
    """Treat a server that became read-only as disconnected, with all its connections.

    So the unit is retried, on a connection to the current primary.
    """
    said = context.original_exception.args
    if said and said[0] == _READ_ONLY and "read-only" in str(said[1:]).lower():
        context.is_disconnect = True
