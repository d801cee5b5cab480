"""A fake Elasticsearch: it implements the requests of the logs' setup and refuses others.

Written from its reference (8.19): index templates, index life cycles, data streams. It retains a
log line as long as the installed policy says.
"""

import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

import orjson

from tests.services.fake_servers import FakeServer, QuietHandler

#: phase -> its allowed actions
PHASES: Final = {
    "hot": {"rollover", "set_priority", "unfollow", "readonly", "shrink", "forcemerge"},
    "warm": {"set_priority", "allocate", "migrate", "shrink", "forcemerge", "readonly"},
    "cold": {"set_priority", "allocate", "migrate", "readonly", "searchable_snapshot"},
    "frozen": {"searchable_snapshot"},
    "delete": {"wait_for_snapshot", "delete"},
}
ROLLOVER: Final = {
    "max_age", "max_docs", "max_size", "max_primary_shard_size", "max_primary_shard_docs",
    "min_age", "min_docs", "min_size", "min_primary_shard_size", "min_primary_shard_docs",
}  # fmt: skip
TEMPLATE: Final = {
    "index_patterns", "priority", "data_stream", "template", "composed_of", "version", "_meta",
    "allow_auto_create", "ignore_missing_component_templates", "deprecated",
}  # fmt: skip
SETTINGS: Final = {
    "index.lifecycle.name", "index.number_of_replicas", "index.number_of_shards", "index.codec",
    "index.refresh_interval", "index.mapping.total_fields.limit",
}  # fmt: skip
TYPES: Final = {
    "keyword", "text", "date", "constant_keyword", "long", "integer", "float", "double", "boolean",
    "ip", "match_only_text", "wildcard",
}  # fmt: skip
FIELD: Final = {
    "type",
    "ignore_above",
    "value",
    "index",
    "fields",
    "properties",
    "doc_values",
    "dynamic",
}


class Refused(Exception):
    """A request that it answers with 400, and why."""


@dataclass
class Index:
    """An index of a stream: the days of its creation, its rollover and its lines."""

    begun: int
    rolled: int | None = None
    lines: list[int] = field(default_factory=list)


class Elasticsearch(FakeServer):
    """Elasticsearch over HTTP; its time advances by days on request."""

    def __init__(self) -> None:
        super().__init__(_handler(self))
        self.policies: dict[str, Any] = {}
        self.templates: dict[str, Any] = {}
        self.indices: list[Index] = []

    def put(self, path: str, body: Any) -> None:
        """Handle a PUT of its API; raises Refused as it would."""
        for prefix, take in (
            ("/_ilm/policy/", self._policy),
            ("/_index_template/", self._template),
        ):
            if path.startswith(prefix):
                return take(path.removeprefix(prefix), body)
        raise Refused(f"no handler found for {path}")

    def _policy(self, name: str, body: Any) -> None:
        _only(body, {"policy"})
        _only(body["policy"], {"phases", "_meta", "deprecated"})
        for phase, words in body["policy"]["phases"].items():
            _only({phase: 0}, set(PHASES))
            _only(words, {"min_age", "actions"})
            _only(words["actions"], PHASES[phase])
            days(words.get("min_age", "0d"))
        for name_, value in body["policy"]["phases"]["hot"]["actions"]["rollover"].items():
            _only({name_: 0}, ROLLOVER)
            if name_.endswith("age"):
                days(value)
        self.policies[name] = body["policy"]["phases"]

    def _template(self, name: str, body: Any) -> None:
        _only(body, TEMPLATE)
        _only(body["template"], {"settings", "mappings", "aliases", "lifecycle"})
        settings = body["template"]["settings"]
        _only(settings, SETTINGS)
        if settings["index.lifecycle.name"] not in self.policies:
            raise Refused("lifecycle policy is not there yet: the first index would have none")
        _only(body["template"]["mappings"], {"dynamic", "properties", "_source", "_meta"})
        _fields(body["template"]["mappings"]["properties"])
        self.templates[name] = body

    def take(self, stream: str, day: int) -> None:
        """Store a line of that day, and run the life cycle of that day."""
        (body,) = (
            each
            for each in self.templates.values()
            if any(_matches(one, stream) for one in each["index_patterns"])
        )
        phases = self.policies[body["template"]["settings"]["index.lifecycle.name"]]
        if not self.indices:
            self.indices.append(Index(day))
        newest = self.indices[-1]
        if day - newest.begun >= days(phases["hot"]["actions"]["rollover"]["max_age"]):
            newest.rolled = day
            self.indices.append(newest := Index(day))
        newest.lines.append(day)
        ends = phases.get("delete")
        self.indices = [
            each
            for each in self.indices
            if each.rolled is None or ends is None or day - each.rolled < days(ends["min_age"])
        ]

    @property
    def kept(self) -> list[int]:
        """The days of the retained lines."""
        return [day for index in self.indices for day in index.lines]


def days(text: str) -> int:
    """Parse its notation of a duration, in days."""
    found = re.fullmatch(r"(\d+)d", text)
    if found is None:
        raise Refused(f"failed to parse {text!r} as a time of whole days")
    return int(found[1])


def _only(found: Any, known: set[str]) -> None:
    if not isinstance(found, dict) or not found.keys() <= known:
        raise Refused(f"unknown field in {found!r:.200}")


def _fields(properties: dict[str, Any]) -> None:
    for name, words in properties.items():
        _only(words, FIELD)
        if words.get("type", "keyword") not in TYPES:
            raise Refused(f"No handler for type [{words['type']}] declared on field [{name}]")
        _fields(words.get("properties", {}))


def _matches(pattern: str, stream: str) -> bool:
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), stream))


def _handler(server: Elasticsearch) -> type[BaseHTTPRequestHandler]:
    class Handler(QuietHandler):
        def do_PUT(self) -> None:
            raw = self.body()
            try:
                if self.headers["Content-Type"] != "application/json":
                    raise Refused(f"Content-Type header [{self.headers['Content-Type']}]")
                server.put(self.path, orjson.loads(raw))
                self.answer(200, b'{"acknowledged":true}')
            except (Refused, KeyError, orjson.JSONDecodeError) as error:
                self.answer(400, orjson.dumps({"error": {"reason": str(error)}, "status": 400}))

    return Handler
