"""Times as the database's own text: they sort like times, and few have to be parsed."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, String, cast
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from models.rules.restaurant.sittings import quarter_of

_LENGTH: Final = 26
_INSTANT: Final = timedelta(microseconds=1)


def as_text(column: ColumnElement[Any]) -> ColumnElement[str]:
    """A UtcDateTime as `2026-11-20 19:30:00.000000`, alike on MariaDB, MySQL and SQLite."""
    return cast(column, String(_LENGTH))


def text_of(moment: datetime) -> str:
    """The text of a moment, in the format of `as_text`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


def moment_of(text: str) -> datetime:
    """Parse the format of `as_text`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@lru_cache(maxsize=100_000)
def grid_moment(text: str) -> datetime:
    """Like `moment_of`, cached: starts and ends have few distinct values."""
    return moment_of(text)


@lru_cache(maxsize=100_000)
def quarter_in(text: str) -> int:
    """The quarter of a time in the format of `as_text`, cached."""
    return quarter_of(grid_moment(text))


@lru_cache(maxsize=100_000)
def last_quarter(text: str, minutes: int) -> int:
    """The last quarter of a use that lasts until `minutes` after that time."""
    return quarter_of(grid_moment(text) + timedelta(minutes=minutes) - _INSTANT)


class seconds_between(GenericFunction[int]):
    """Whole seconds from the first time to the second; NULL if one of them is."""

    type = Integer()
    inherit_cache = True


@compiles(seconds_between)
def _of_mysql(element: seconds_between, compiler: SQLCompiler, **more: Any) -> str:
    early, late = (compiler.process(each, **more) for each in element.clauses)
    return f"TIMESTAMPDIFF(SECOND, {early}, {late})"


@compiles(seconds_between, "sqlite")
def _of_sqlite(element: seconds_between, compiler: SQLCompiler, **more: Any) -> str:
    early, late = (compiler.process(each, **more) for each in element.clauses)
    return f"(CAST(strftime('%s', {late}) AS INTEGER) - CAST(strftime('%s', {early}) AS INTEGER))"
