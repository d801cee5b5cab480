"""Use of the OpenAPI document: its examples are accepted, and a generated client books."""

import subprocess
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

from models.core import clock
from tests.api.conftest import Stand
from tests.services.missing import require_program
from tests.services.running.stack import Stack, evening
from web.openapi import COMMITTED
from web.schemas.fields import START

GENERATOR = "openapi-python-client"
BOOK = """
import sys
from client.api.reservations import post_reservations_ask_for_table as ask
from client.api.the_host_stand import post_book_book_table as book
from client.client import Client
from client.models import ReservationRequest

url, slug, start = sys.argv[1:]
body = ReservationRequest.from_dict(
    {"party_size": 2, "start": start, "guest": {"name": "Ada", "email": "ada@example.com"}}
)
said = {"client": Client(base_url=url), "idempotency_key": "k", "prefer": "wait=5"}
answer = ask.sync(slug, body=body, **said)
print(type(answer).__name__, answer.status, callable(book.sync))
"""


def models_of(spec: dict[str, Any]) -> dict[str, Any]:
    return dict(spec["components"]["schemas"])


def test_tags_and_models_have_a_name_each(app: APIFlask) -> None:
    spec: Any = app.spec
    tags = [tag["name"] for tag in spec["tags"]]
    titles = [schema["title"] for schema in models_of(spec).values()]
    for names in (tags, titles):
        assert [name for name, times in Counter(names).items() if times > 1] == []
    assert all(name == schema["title"] for name, schema in models_of(spec).items())


def test_every_example_is_accepted(staffed: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    # a few days before the examples' evening; the docs page moves it to three days ahead
    monkeypatch.setattr(clock, "now", lambda: datetime.fromisoformat(START) - timedelta(days=3))
    made = staffed.confirmed(guest={"name": "Grace", "email": "grace@example.com"})
    spec, tried = staffed.client.get("/openapi.json").json, 0
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            named = content.get("application/json", {}).get("schema", {}).get("$ref", "")
            schema = models_of(spec).get(named.rpartition("/")[2], {})
            for example in schema.get("examples", ()):
                tried += 1
                place = path.format(slug=staffed.restaurant.slug, reservation_id=made["id"])
                headers = staffed.as_staff() | {"Idempotency-Key": f"example-{tried}"}
                answer = staffed.client.open(place, method=method, json=example, headers=headers)
                assert answer.status_code in (200, 201, 202), (path, answer.text)
    assert tried >= 3


def test_a_generated_client_books_a_table(stack: Stack, tmp_path: Path) -> None:
    program = Path(require_program(GENERATOR))
    given = ["--path", str(COMMITTED), "--output-path", str(tmp_path / "client"), "--meta", "none"]
    made = subprocess.run([str(program), "generate", *given], capture_output=True, text=True)
    said = made.stdout + made.stderr
    assert made.returncode == 0, said
    for operation in ("reservations", "arrivals", "/book"):
        assert f"{operation} within" not in said, said
    (tmp_path / "book.py").write_text(BOOK)
    restaurant = stack.open_restaurant()
    argv = [str(program.with_name("python")), "book.py", stack.url, restaurant.slug]
    alone = {"PYTHONPATH": str(tmp_path)}
    argv.append(evening().isoformat())
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, env=alone)
    assert done.stdout.split() == ["ReservationOut", "confirmed", "True"], done.stderr
