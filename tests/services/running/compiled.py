"""A cache of compiled statements shared by the engines of all tests.

Each test has its own engine, and SQLAlchemy keys compiled statements by the engine's dialect
object: without this, a fifth of the time of a database test went into compiling the same statements
again.
"""

from typing import Any

from sqlalchemy.engine import Dialect

Key = tuple[Any, ...]


class Compiled(dict[Key, Any]):
    """SQLAlchemy's compiled cache, keyed by the dialect's kind instead of the object."""

    def get(self, key: Key, default: Any = None) -> Any:
        """The compiled statement for such a dialect."""
        return super().get(_by_kind(key), default)

    def __setitem__(self, key: Key, value: Any) -> None:
        super().__setitem__(_by_kind(key), value)


def _by_kind(key: Key) -> Key:
    dialect: Dialect = key[0]
    return (dialect.name, getattr(dialect, "server_version_info", None), *key[1:])


COMPILED = Compiled()
