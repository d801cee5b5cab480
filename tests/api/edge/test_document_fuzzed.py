"""Schemathesis against the OpenAPI document on the real server: no 5xx, no undeclared answer."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import Stand
from tests.architecture.tree import ROOT
from tests.services.ports import free_port
from tests.services.running.process import Process

pytestmark = pytest.mark.slow

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
EXAMPLES = 20


@pytest.fixture
def server(stand: Stand, service_env: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Granian on this test's database, without Redis and with short waits."""
    port = free_port()
    granian = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"]
    process = Process(
        "web",
        [*granian, "--port", str(port), "--blocking-threads", "4", "web.wsgi:app"],
        log=tmp_path / "web.log",
        env=dict(os.environ)
        | service_env
        | {"WAIT_SECONDS_MAX": "0", "STREAM_SECONDS": "1", "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )
    url = f"http://127.0.0.1:{port}"
    process.start()
    process.wait_ready(lambda: _answers(url))
    yield url
    process.terminate()


@pytest.mark.timeout(400)
def test_no_server_error_and_no_undeclared_answer(
    staffed: Stand, server: str, tmp_path: Path
) -> None:
    body = staffed.confirmed()
    config = tmp_path / "schemathesis.toml"
    config.write_text(
        "[parameters]\n"
        f'"path.slug" = "{staffed.restaurant.slug}"\n'
        f'"path.reservation_id" = "{body["id"]}"\n',
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
    command += [f"{server}/openapi.json", "--checks", ",".join(CHECKS), "--no-color"]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES)]
    command += ["--workers", "1", "--seed", "1", "--suppress-health-check", "all"]
    # signing out would end the sign-in that every other call needs
    command += ["--warnings", "off", "--exclude-path", "/api/v1/auth/sign-out"]
    command += ["-H", f"Authorization: {staffed.as_staff('owner')['Authorization']}"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]


def test_a_body_in_chunks_has_the_same_limit(server: str) -> None:
    def chunks(count: int) -> Iterator[bytes]:
        yield b'{"note": "'
        for _chunk in range(count):
            yield b"x" * 1000
        yield b'"}'

    place = f"{server}/api/v1/restaurants/demo/reservations"
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    for count, status in ((2, 422), (100, 413), (2000, 413)):
        answer = httpx.post(place, content=chunks(count), headers=headers)
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").is_success
    except httpx.HTTPError:
        return False
