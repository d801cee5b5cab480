"""Log pipeline: every logged field is mapped exactly once, and logs are deleted after 90 days.

There is no Elasticsearch here. Its template and life cycle and Logstash's pipeline are
interpreted by tests/services/servers/logstash.py; tests/watch/test_trace_ids.py does so for lines
that an installation has really logged.
"""

import ast
import http.server
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from tests.architecture.tree import product
from tests.deploy.containers.test_containers import described
from tests.services.missing import require_program
from tests.services.ports import free_port
from tests.services.servers.log_index import LOGS, mapped, template, wrong_in
from tests.services.servers.logstash import Pipeline


def test_a_line_of_another_server_stays_what_it_is() -> None:
    pipeline = Pipeline(LOGS / "logstash.conf")
    for text in ("mysqld: ready for connections", '{"msg": "of another server"}', "{broken"):
        document = pipeline.document(text)
        assert document["message"] == text
        assert "maitred" not in document
        assert not list(wrong_in(document))


def test_what_is_not_mapped_would_be_found() -> None:
    assert list(wrong_in({"maitred": {"nonsense": 1}})) == ["maitred.nonsense is not mapped"]
    assert list(wrong_in({"maitred": {"status": "202"}}))
    assert list(wrong_in({"maitred": {"reservation_id": [1, "2"]}}))
    assert not list(wrong_in({"maitred": {"reservation_id": [1, 2], "permanent": True}}))


def logged_fields() -> dict[str, str]:
    """Return every field that a `log` call names in the product, and where."""
    found: dict[str, str] = {}
    for module in product():
        for call in ast.walk(module.tree):
            if not isinstance(call, ast.Call):
                continue
            name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            if name in ("bind", "bound"):
                names = [word.arg for word in call.keywords if word.arg]
            else:
                names = _extras(call)
            found |= dict.fromkeys(names, f"{module.path}:{call.lineno}")
    return found


def _extras(call: ast.Call) -> list[str]:
    return [
        key.value
        for word in call.keywords
        if word.arg == "extra"
        for node in ast.walk(word.value)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    ]


def test_every_field_that_the_code_names_is_mapped() -> None:
    found, fields = logged_fields(), mapped()
    assert len(found) > 30
    missing = {name: where for name, where in found.items() if f"maitred.{name}" not in fields}
    assert not missing


def test_all_is_deleted_after_ninety_days() -> None:
    phases = json.loads((LOGS / "lifecycle.json").read_text())["policy"]["phases"]
    assert phases["hot"]["actions"]["rollover"]["max_age"] == "1d"
    assert phases["delete"] == {"min_age": "90d", "actions": {"delete": {}}}
    (pattern,) = template()["index_patterns"]
    policy = template()["template"]["settings"]["index.lifecycle.name"]
    assert f"/_ilm/policy/{policy}" in (LOGS / "setup.sh").read_text()
    ((plugin, options),) = Pipeline(LOGS / "logstash.conf").outputs
    stream = "-".join(options[f"data_stream_{part}"] for part in ("type", "dataset", "namespace"))
    assert (plugin, options["data_stream"]) == ("elasticsearch", "true")
    assert re.fullmatch(pattern.replace("*", ".*"), stream)
    assert template()["priority"] > 100, "Elasticsearch's own template for logs-*-* has 100"


def test_each_hands_on_to_a_service_that_there_is() -> None:
    services = described("--profile", "watch")["services"]
    beat = yaml.safe_load((LOGS / "filebeat.yml").read_text())
    pipeline = Pipeline(LOGS / "logstash.conf")
    ((_, listens),) = pipeline.inputs
    ((_, writes),) = pipeline.outputs
    assert beat["output.logstash"]["hosts"] == [f"logstash:{listens['port']}"]
    assert writes["hosts"] == ["http://elasticsearch:9200"]
    setup = (LOGS / "setup.sh").read_text()
    named = set(re.findall(r"http://(\w+):", setup)) | {"logstash"}
    assert named == {"logstash", "elasticsearch", "kibana"} <= services.keys()
    before = services["logstash"]["depends_on"]["logs-setup"]["condition"]
    assert before == "service_completed_successfully"


def test_saved_searches_name_fields_and_events_that_there_are() -> None:
    lines = (LOGS / "searches.ndjson").read_text().splitlines()
    view, *searches = [json.loads(line) for line in lines]
    assert [view["attributes"]["title"]] == template()["index_patterns"]
    assert len({each["id"] for each in searches}) == len(searches) >= 6
    source = "\n".join(module.text for module in product())
    for search in searches:
        facts = search["attributes"]
        found = json.loads(facts["kibanaSavedObjectMeta"]["searchSourceJSON"])
        (reference,) = search["references"]
        assert (reference["id"], reference["name"]) == (view["id"], found["indexRefName"])
        query = found["query"]["query"]
        fields = set(re.findall(r"maitred\.\w+", query)) | set(facts["columns"])
        assert fields <= mapped().keys() | {"maitred.event"}, facts["title"]
        for events in re.findall(r"maitred\.event : \(?((?:\"[^\"]+\"(?: or )?)+)", query):
            for event in re.findall(r'"([^"]+)"', events):
                assert f'"{event}"' in source, event


@contextmanager
def _answering(status: int, body: str) -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """Run a server with this fixed answer. Yield its URL and the requests so far."""
    told: list[tuple[str, str, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def _take(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            told.append((self.command, self.path, raw))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        do_PUT = do_POST = _take

        def log_message(self, *_args: object) -> None:
            return

    port = free_port()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{port}", told
    server.shutdown()
    server.server_close()


def _setup(*words: str) -> int:
    argv = ["sh", str(LOGS / "setup.sh"), *words]
    return subprocess.run(argv, capture_output=True, timeout=60).returncode


def test_setup_can_be_repeated_and_says_when_it_was_refused() -> None:
    require_program("curl")
    with _answering(200, '{"acknowledged":true}') as (url, told):
        assert _setup("elasticsearch", url) == _setup("elasticsearch", url) == 0
    assert told[:2] == told[2:], "the second time is the first"
    assert [(method, path) for method, path, _ in told[:2]] == [
        ("PUT", "/_ilm/policy/maitred-90-days"),
        ("PUT", "/_index_template/maitred"),
    ]
    assert json.loads(told[1][2]) == template()
    with _answering(200, '{"success":true}') as (url, told):
        assert _setup("kibana", url) == 0
    assert told[0][:2] == ("POST", "/api/saved_objects/_import?overwrite=true")
    assert (LOGS / "searches.ndjson").read_bytes() in told[0][2]
    for what, status, body in (
        ("elasticsearch", 400, '{"error":"no such setting"}'),
        ("kibana", 200, '{"success":false,"errors":[]}'),
    ):
        with _answering(status, body) as (url, _):
            assert _setup(what, url) == 1, what
    assert _setup("grafana") == 2


@pytest.mark.parametrize("name", ["template.json", "lifecycle.json"])
def test_no_key_stands_twice(name: str) -> None:
    """JSON keeps the last of two equal keys, which would hide that a field has two types."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), keys
        return dict(pairs)

    assert json.loads((LOGS / name).read_text(), object_pairs_hook=once)
