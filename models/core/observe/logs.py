"""Logs: one line per event, as JSON or for a console, with ids and never with contact data.

All code logs through `logging.getLogger(__name__)`; ids bound with `bind` or `bound` are added to
every line of the same request or task.
"""

import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog

from models.core.settings import settings

Renderer = Callable[[dict[str, Any]], str]

MASK = "[masked]"
_RECORD_KEYS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "taskName"}

_EMAIL = re.compile(r"[^\s@<>()\[\],;:'\"=]+@[\w-]+(?:\.[\w-]+)+")
# Possessive quantifiers and look-arounds leave ids, UUIDs, dates and versions intact: a number
# counts as a phone number with a +, a leading 0, an American format, or 10 consecutive digits.
_MAYBE_PHONE = re.compile(r"\d[\d\s()./-]{5}")
_PHONE = re.compile(
    r"\+\d[\d\s()./-]{4,}+\d?"
    r"|(?<![\w.:+-])\(?0\d[\d\s()/-]{5,}+(?![\w:.])"
    r"|(?<![\w.:+-])\(?\d{3}\)?[ .-]{1,2}\d{3}[ .-]\d{4}(?![\w:-])"
    r"|(?<![\w.:+-])\d{10,15}+(?![\w:.-])"
)


def mask_text(text: str) -> str:
    """The text with everything that looks like an e-mail address or phone number masked."""
    if "@" in text:
        text = _EMAIL.sub(MASK, text)
    return _PHONE.sub(MASK, text) if _MAYBE_PHONE.search(text) else text


def mask(value: Any) -> Any:
    """The value with all its text masked; a value that is not plain data becomes masked text."""
    if isinstance(value, str):
        return mask_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {mask_text(str(key)): mask(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask(item) for item in value]
    return mask_text(str(value))


class LineFormatter(logging.Formatter):
    """Formats a record as one event: bound ids and the record's extras, masked, then rendered."""

    def __init__(self, render: Renderer) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        """The line of this record."""
        event: dict[str, Any] = {"event": record.getMessage(), "logger": record.name}
        event.update(structlog.contextvars.get_contextvars())
        event.update((k, v) for k, v in record.__dict__.items() if k not in _RECORD_KEYS)
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        event = {key: mask(value) for key, value in event.items()}
        ts = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return self._render({"ts": ts, "level": record.levelname.lower(), **event})


def _render_json(event: dict[str, Any]) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _console() -> Renderer:
    renderer = structlog.dev.ConsoleRenderer(colors=False, timestamp_key="ts")
    return lambda event: str(renderer(None, "", event))


def configure_logging(stream: TextIO | None = None) -> None:
    """Send all log lines of the process to `stream` (default: standard error), per the settings.

    Replaces the previous configuration; safe to call again.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    render = _render_json if settings().log_format == "json" else _console()
    handler.setFormatter(LineFormatter(render))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings().log_level)
    for chatty in (
        "alembic",
        "apscheduler",
        "httpx",
        "httpcore",
        "kombu",
        "amqp",
        "twilio",
        "mail.log",
    ):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # a receiver may be unavailable for a moment; the exporter retries by itself
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    logging.captureWarnings(True)


def bind(**ids: str | int) -> None:
    """Add these ids to all later lines of this request or task (until `unbind`)."""
    structlog.contextvars.bind_contextvars(**ids)


def unbind() -> None:
    """Remove all bound ids, at the start of a request or task."""
    structlog.contextvars.clear_contextvars()


def bound_ids() -> dict[str, Any]:
    """The ids added to the lines of this request or task."""
    return structlog.contextvars.get_contextvars()


@contextmanager
def bound(**ids: str | int) -> Iterator[None]:
    """Add these ids to the lines logged within the block."""
    with structlog.contextvars.bound_contextvars(**ids):
        yield
