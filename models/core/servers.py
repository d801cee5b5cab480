"""The servers of one database URL: tried in turn, and only the one that takes writes is used."""

import re
from typing import Any, Final

from sqlalchemy import URL, Engine, event, make_url
from sqlalchemy.engine import Dialect, ExceptionContext

#: Where a connection's own information names the URL of its server.
SERVER: Final = "maitred_server"
_PORT: Final = 3306
_SEVERAL: Final = re.compile(
    r"(?P<head>(?!sqlite)[\w+]+://(?:[^@]*@)?)(?P<hosts>[^/?]+)(?P<tail>.*)"
)
#: "The server is running with the --read-only option": it was fenced, or never was the primary
_READ_ONLY: Final = 1290
_NOBODY: Final = 2002


def split_url(text: str) -> tuple[URL, ...]:
    """One URL for each server of `mysql+mysqldb://name:password@one:3306,two:3306/maitred`.

    Raises ArgumentError or ValueError for what is no URL.
    """
    found = _SEVERAL.fullmatch(text)
    if found is None or "," not in found["hosts"]:
        return (make_url(text),)
    urls = [
        make_url(found["head"] + host.strip() + found["tail"]) for host in found["hosts"].split(",")
    ]
    if not all(url.host for url in urls):
        raise ValueError("a server without a name")
    return tuple(urls)


def server_name(url: URL) -> str:
    """`host:port`, as people and the `--to` of commands name a server."""
    return f"{url.host}:{url.port or _PORT}"


class Servers:
    """Where new connections go: to the server that took writes last, else to the first that does.

    Whether it does is asked once for each new connection, never for a request.
    """

    def __init__(self, urls: tuple[URL, ...]) -> None:
        self._urls = urls
        self._last = 0

    def guide(self, engine: Engine) -> None:
        """Let the engine's connections to a fenced server go, all of them at once."""
        event.listen(engine, "handle_error", _let_go_when_fenced)

    def connect(
        self, dialect: Dialect, record: Any, arguments: Any, options: dict[str, Any]
    ) -> Any:
        """A new connection to the server that takes writes."""
        problems: list[tuple[int, str]] = []
        error = dialect.loaded_dbapi.Error
        # plain assignments: threads may meet here, and each finds its own way
        for number in sorted(range(len(self._urls)), key=lambda number: number != self._last):
            url = self._urls[number]
            place = {"host": url.host, "port": url.port or _PORT}
            try:
                connection = dialect.connect(*arguments, **options | place)
                if _takes_writes(connection):
                    self._last = number
                    if record is not None:
                        record.info[SERVER] = url
                    return connection
                connection.close()
                problems.append((_READ_ONLY, f"{server_name(url)} is read-only"))
            except error as problem:
                code, *said = problem.args or (_NOBODY,)
                problems.append((code, f"{server_name(url)}: {' '.join(map(str, said))}"))
        texts = "; ".join(text for _code, text in problems)
        raise dialect.loaded_dbapi.OperationalError(
            problems[0][0], f"no server takes writes: {texts}"
        )


def _takes_writes(connection: Any) -> bool:
    cursor = connection.cursor()
    cursor.execute("SELECT @@global.read_only")
    (read_only,) = cursor.fetchone()
    cursor.close()
    return not read_only


def _let_go_when_fenced(context: ExceptionContext) -> None:
    """A server that turned read-only is no longer ours: as if it had hung up, with all its lines.

    So the unit is tried again, on a connection to whoever takes writes now.
    """
    said = context.original_exception.args
    if said and said[0] == _READ_ONLY and "read-only" in str(said[1:]).lower():
        context.is_disconnect = True
