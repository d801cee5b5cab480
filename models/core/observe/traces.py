"""Traces: how long each step took for one reservation, from the request to the message.

Off without OTEL_EXPORTER_OTLP_ENDPOINT, and then OpenTelemetry is not even imported. A span is
created when its work is over: only then is it known which reservation a request was about. No span
contains SQL, addresses, names or links.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from sqlalchemy import Engine, event

from models.core import clock
from models.core.extras import load_extra
from models.core.settings import settings

_TRACE_ID: Final = re.compile(r"(?!0{32})[0-9a-f]{32}\Z")
#: the kind of statement and its table; nothing after that, where values may be
_STATEMENT: Final = re.compile(
    r"\s*(?:(SELECT)\b.*?\sFROM|(INSERT) INTO|(UPDATE)|(DELETE) FROM)\s+[`\"]?([a-z_]+)|\s*(\w+)",
    re.DOTALL,
)
_BEGAN: Final = "maitred_began"
#: Most children of a span: a task may run a minute with thousands of queries, and the first ones
#: suffice.
_CHILDREN: Final = 200


#: Attributes of a span: ids, counts, outcomes.
Facts: TypeAlias = dict[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Span:
    """Finished work. Times in nanoseconds since 1970.

    `is_first`: it begins its trace; any other span is a child of the first one, whichever process
    sent that. `because_of`: the trace in which this work was done together with other work.
    """

    name: str
    trace_id: str
    began: int
    ended: int
    kind: str = "internal"
    is_first: bool = False
    because_of: str = ""
    failed: bool = False
    facts: Facts = field(default_factory=dict)
    children: tuple["ChildSpan", ...] = ()


@dataclass(frozen=True, slots=True)
class ChildSpan:
    """A part of a span, spent on another server: a statement, a commit, a wait."""

    name: str
    began: int
    ended: int


class SpanExporter(Protocol):
    """Destination of spans."""

    def export(self, span: Span) -> None:
        """Accept this span; it is sent later, by a thread of its own."""
        ...


_exporter: SpanExporter | None = None
#: the children of the current work in this thread or task
_children: ContextVar[list[ChildSpan] | None] = ContextVar("maitred_children", default=None)


def start_traces(process: str) -> None:
    """Send this process's spans as the settings say; `process` (web, worker) names the service.

    Raises SettingsInvalid if the extra `traces` is not installed.
    """
    global _exporter
    if not settings().otel_exporter_otlp_endpoint:
        return
    otlp = load_extra(
        "models.core.observe.otlp_traces",
        install="OTEL_EXPORTER_OTLP_ENDPOINT needs the extra `traces`",
    )
    _exporter = otlp.make_exporter(process)
    event.listen(Engine, "before_cursor_execute", _before)
    event.listen(Engine, "after_cursor_execute", _after)


def is_on() -> bool:
    """Whether traces are enabled."""
    return _exporter is not None


def begin() -> None:
    """Start collecting the statements of a request or task as its children, until `end`."""
    if _exporter is not None:
        _children.set([])


def end(
    name: str, *, trace_id: str, began: int, kind: str, is_first: bool, failed: bool, **facts: Any
) -> None:
    """Finish the request or task: send its span, with its children."""
    found = _children.get()
    if _exporter is None or found is None:
        return
    _children.set(None)
    export(
        Span(
            name,
            trace_id,
            began,
            clock.nanoseconds(),
            kind,
            is_first=is_first,
            failed=failed,
            facts=facts,
            children=tuple(found),
        )
    )


def export(span: Span) -> None:
    """Send this span, if traces are enabled."""
    if _exporter is not None:
        _exporter.export(span)


@contextmanager
def child_span(name: str) -> Iterator[None]:
    """Record the time spent in the block as a child of the request or task's span."""
    children = _children.get()
    if children is None:
        yield
        return
    began = clock.nanoseconds()
    try:
        yield
    finally:
        _keep(children, name, began)


def as_trace_id(given: str) -> str:
    """The given id if it has the format of a trace id (ours have), else a new one."""
    return given if _TRACE_ID.match(given) else f"{random.getrandbits(128) | 1:032x}"  # nosec B311


def _before(
    connection: Any, _cursor: Any, _statement: str, _values: Any, _context: Any, _many: bool
) -> None:
    if _children.get() is not None:
        connection.info[_BEGAN] = clock.nanoseconds()


def _after(
    connection: Any, _cursor: Any, statement: str, _values: Any, _context: Any, _many: bool
) -> None:
    children, began = _children.get(), connection.info.pop(_BEGAN, None)
    if children is not None and began is not None:
        _keep(children, statement_name(statement), began)


def _keep(children: list[ChildSpan], name: str, began: int) -> None:
    if len(children) < _CHILDREN:
        children.append(ChildSpan(name, began, clock.nanoseconds()))


def statement_name(statement: str) -> str:
    """A name such as `SELECT reservations`: SQL itself may contain values, in literals."""
    found = _STATEMENT.match(statement)
    return " ".join(filter(None, found.groups())) if found else "SQL"
