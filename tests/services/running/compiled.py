"""Statements that one test's engine has compiled serve the next test's engine too.

Each test has an engine of its own, and SQLAlchemy keeps compiled statements by the engine's
dialect object: without this a fifth of a database test was spent on compiling what the test
before it had compiled.
"""

from typing import Any

from sqlalchemy.engine import Dialect

Key = tuple[Any, ...]


class Compiled(dict[Key, Any]):
    """SQLAlchemy's compiled cache, by what the dialect is and not by which object."""

    def get(self, key: Key, default: Any = None) -> Any:
        """What was compiled for such a dialect."""
        return super().get(_by_kind(key), default)

    def __setitem__(self, key: Key, value: Any) -> None:
        super().__setitem__(_by_kind(key), value)


def _by_kind(key: Key) -> Key:
    dialect: Dialect = key[0]
    return (dialect.name, getattr(dialect, "server_version_info", None), *key[1:])


COMPILED = Compiled()
