"""A small interpreter of Logstash's language, sufficient for Maitred's pipeline.

It knows the plugins and options of that pipeline and refuses every other.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

Event = dict[str, Any]
#: plugin -> its options (of Logstash's reference)
KNOWN = {
    "beats": {"port"},
    "json": {"source", "target", "skip_on_invalid_json"},
    "date": {"match", "target", "remove_field"},
    "mutate": {"remove_field"},
    "elasticsearch": {
        "hosts",
        "data_stream",
        "data_stream_type",
        "data_stream_dataset",
        "data_stream_namespace",
    },
}
_TOKEN = re.compile(r'\s+|#[^\n]*|(=>|[{}\[\],]|"[^"]*"|[A-Za-z_@][\w@]*|\d+)')


class Pipeline:
    """A pipeline file: `inputs`, `outputs` (plugin, options), and its effect on log lines."""

    def __init__(self, path: Path) -> None:
        tokens = _tokens(path.read_text(encoding="utf-8"))
        sections = dict(_Reader(tokens).sections())
        assert set(sections) == {"input", "filter", "output"}
        self.inputs, self.filters, self.outputs = (
            sections[name] for name in ("input", "filter", "output")
        )

    def document(self, message: str) -> Event:
        """The document for a container's line, as Filebeat sends it."""
        event: Event = {
            "@timestamp": "2026-01-01T00:00:00.000Z",
            "message": message,
            "stream": "stderr",
            "event": {"original": message},
            "log": {"offset": 0, "file": {"path": "/var/lib/docker/containers/a/a.log"}},
            "host": {"name": "machine"},
            "agent": {"type": "filebeat"},
            "ecs": {"version": "8.0.0"},
            "input": {"type": "filestream"},
        }
        _run(self.filters, event)
        return {key: value for key, value in event.items() if value != {}}


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match, f"not of the language: {text[at : at + 40]!r}"
        at = match.end()
        if match[1]:
            found.append(match[1])
    return found


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens

    def sections(self) -> Iterator[tuple[str, list[Any]]]:
        while self._tokens:
            name = self._next()
            yield name, self._block()

    def _next(self, wanted: str = "") -> str:
        token = self._tokens.pop(0)
        assert not wanted or token == wanted, f"{wanted} wanted, {token} found"
        return token

    def _block(self) -> list[Any]:
        """`{ plugin { .. } if [a][b] { .. } else { .. } }`."""
        self._next("{")
        found: list[Any] = []
        while self._tokens[0] != "}":
            name = self._next()
            if name == "if":
                field = self._field()
                then, other = self._block(), []
                if self._tokens[0] == "else":
                    self._next()
                    other = self._block()
                found.append(("if", (field, then, other)))
            else:
                found.append((name, self._options(name)))
        self._next("}")
        return found

    def _field(self) -> list[str]:
        path = []
        while self._tokens[0] == "[":
            self._next("[")
            path.append(self._next())
            self._next("]")
        return path

    def _options(self, plugin: str) -> dict[str, Any]:
        self._next("{")
        options: dict[str, Any] = {}
        while self._tokens[0] != "}":
            name = self._next()
            assert name in KNOWN[plugin], f"{plugin} has no {name}"
            self._next("=>")
            options[name] = self._value()
        self._next("}")
        return options

    def _value(self) -> Any:
        token = self._next()
        if token != "[":
            return token.strip('"')
        found = []
        while self._tokens[0] != "]":
            found.append(self._value())
            if self._tokens[0] == ",":
                self._next(",")
        self._next("]")
        return found


def _path(field: str) -> list[str]:
    return re.findall(r"\[([^\]]+)\]", field) or [field]


def _get(event: Event, path: list[str]) -> Any:
    found: Any = event
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _remove(event: Event, field: str) -> None:
    *parents, last = _path(field)
    holder = _get(event, parents) if parents else event
    if isinstance(holder, dict):
        holder.pop(last, None)


def _run(filters: list[Any], event: Event) -> None:
    for name, options in filters:
        if name == "if":
            field, then, other = options
            _run(then if _get(event, field) else other, event)
        elif name == "json":
            _json(options, event)
        elif name == "date":
            _date(options, event)
        elif name == "mutate":
            for field in options["remove_field"]:
                _remove(event, field)
        else:
            raise AssertionError(f"not read here: {name}")


def _json(options: dict[str, Any], event: Event) -> None:
    assert options["skip_on_invalid_json"] == "true"
    try:
        event[options["target"]] = json.loads(_get(event, _path(options["source"])))
    except ValueError:
        return


def _date(options: dict[str, Any], event: Event) -> None:
    field, pattern = options["match"]
    assert pattern == "ISO8601"
    moment = datetime.fromisoformat(_get(event, _path(field)))
    assert moment.tzinfo
    event[options["target"]] = moment.isoformat()
    for gone in options["remove_field"]:
        _remove(event, gone)
