"""Counts the statements that reach the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event

_NOT_COUNTED = ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA", "SET ", "SAVEPOINT", "RELEASE")


@dataclass
class Statements:
    """The statements seen, in order, without transaction control."""

    sql: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.sql)

    def of(self, verb: str) -> list[str]:
        """The statements that begin with this verb."""
        return [text for text in self.sql if text.upper().startswith(verb.upper())]


@contextmanager
def counting(bind: Engine) -> Iterator[Statements]:
    """Count what this engine executes inside the `with`."""
    seen = Statements()

    def note(_c: Any, _cursor: Any, statement: str, _p: Any, _ctx: Any, _many: bool) -> None:
        text = statement.lstrip()
        if not text.upper().startswith(_NOT_COUNTED):
            seen.sql.append(text)

    event.listen(bind, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(bind, "before_cursor_execute", note)
