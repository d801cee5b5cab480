"""Connections to the primary: of several servers, the one that takes writes and was promoted last.

A primary that was cut off when another was promoted in its place may return and take writes still.
What is written there is lost, so nobody may choose it.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import Dialect, ExceptionContext
from sqlalchemy.exc import DisconnectionError

from models.core.database.connections import Connect, plain_connect
from models.core.database.epochs import Answer, Memory, ask, memory
from models.core.database.servers import server_name

#: Where a connection's own information names the URL of its server.
SERVER: Final = "maitred_server"
_EPOCH: Final = "maitred_epoch"
_LET_GO: Final = "maitred_let_go"
_PORT: Final = 3306
#: "The server is running with the --read-only option": it was fenced, or never was the primary
_READ_ONLY: Final = 1290
_NOBODY: Final = 2002
#: One that takes writes was found: another, which may have been promoted later, is asked no longer.
_LOOK_SECONDS: Final = 2


def way(engine: Engine, urls: tuple[URL, ...]) -> Connect:
    """How the engine's connections are made."""
    if len(urls) == 1:
        return plain_connect
    servers = Servers(urls, memory(urls[0].database or ""))
    servers.guide(engine)
    return servers.connect


@dataclass(frozen=True, slots=True)
class _Found:
    number: int
    connection: Any
    answer: Answer

    @property
    def epoch(self) -> int:
        return self.answer.epoch or 0


class Servers:
    """Where new connections go.

    The first looks at every server; later ones at the server that was chosen last, and at the
    others only when it takes no writes any more or was replaced. This is asked once for each new
    connection, never for a request.
    """

    def __init__(self, urls: tuple[URL, ...], newest: Memory) -> None:
        self._urls = urls
        self._memory = newest
        self._last: int | None = None
        self._error: type[Exception] = Exception

    def guide(self, engine: Engine) -> None:
        """Let the engine's connections to a fenced or replaced server go, all of them at once."""
        self._error = engine.dialect.loaded_dbapi.OperationalError
        event.listen(engine, "handle_error", _let_go_when_fenced)
        event.listen(engine, "checkout", self._let_go_when_replaced)

    def connect(
        self, dialect: Dialect, record: Any, arguments: Any, options: dict[str, Any]
    ) -> Any:
        """A new connection to the server that takes writes."""
        newest = self._memory.look()
        problems: list[tuple[int, str]] = []
        found = self._choose(dialect, arguments, options, newest=newest, problems=problems)
        if found is None:
            texts = "; ".join(text for _code, text in problems)
            raise dialect.loaded_dbapi.OperationalError(
                problems[0][0], f"no server takes writes: {texts}"
            )
        # a plain assignment: threads may meet here, and each finds its own way
        self._last = found.number
        self._memory.note(found.epoch)
        if record is not None:
            # one whose epoch cannot be read is never taken for replaced
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
        """Of all that take writes and were not replaced, the one that was promoted last."""
        best: _Found | None = None
        for number in sorted(range(len(self._urls)), key=lambda number: number != self._last):
            seconds = min(options["connect_timeout"], _LOOK_SECONDS if best else 60)
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
        """A connection made before somebody saw a newer promotion. Costs no round trip.

        The pool makes a new one. Was that replaced too, it gives up with an error that says
        nothing: so the second time the caller gets the database's own, and tries again.
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
    """A server that turned read-only is no longer ours: as if it had hung up, with all its lines.

    So the unit is tried again, on a connection to whoever takes writes now.
    """
    said = context.original_exception.args
    if said and said[0] == _READ_ONLY and "read-only" in str(said[1:]).lower():
        context.is_disconnect = True
