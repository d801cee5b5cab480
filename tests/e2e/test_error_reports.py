"""Error reports contain the place of the error, and no personal data."""

import gzip
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.services.ports import free_port

#: a web process and a worker, each with a fault during a guest's request
WEB = """
import sentry_sdk
from web import wsgi
from web.api import reservations

def broken(*_args, **_options):
    email = "ada@guests.example"
    raise RuntimeError("the fault")

reservations.request_reservation = broken
body = {
    "party_size": 2, "start": "2030-05-01T19:00:00+02:00", "note": "allergic to nuts",
    "guest": {"name": "Ada Lovelace", "email": "ada@guests.example", "phone": "+493012345678"},
}
client = wsgi.app.test_client()
answer = client.post(
    "/api/v1/restaurants/demo/reservations?email=ada@guests.example", json=body,
    headers={"Idempotency-Key": "k", "Manage-Token": "7.secret-token"},
)
assert answer.status_code == 500, answer.text
sentry_sdk.flush()
"""
WORKER = """
import sentry_sdk
from workers.entry import app
from workers.hooks import start_sentry

start_sentry()

@app.task(name="fault")
def fault():
    guest = {"name": "Ada Lovelace", "email": "ada@guests.example", "phone": "+493012345678"}
    note = "allergic to nuts"
    raise RuntimeError("the fault")

fault.apply()
sentry_sdk.flush()
"""
#: the same web process; the database refuses a statement with the guest in its parameters
DATABASE = WEB.replace(
    "    email =",
    """
    connection.execute(
        sqlalchemy.text("INSERT INTO restaurants (slug) VALUES (:who)"),
        {"who": "Ada Lovelace, ada@guests.example, allergic to nuts"},
    )
    email =""",
)
DATABASE = DATABASE.replace("broken(*_args", "broken(connection, *_args")
DATABASE = DATABASE.replace("import sentry_sdk", "import sentry_sdk, sqlalchemy")
SECRETS = ("Lovelace", "ada@guests", "493012345678", "nuts", "secret-token")


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """Run a server that receives error reports. Yield its DSN and the reports so far."""
    came: list[str] = []

    class Reports(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            is_packed = self.headers.get("Content-Encoding") == "gzip"
            came.append((gzip.decompress(raw) if is_packed else raw).decode())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_args: object) -> None:
            return

    port = free_port()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Reports)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://public@127.0.0.1:{port}/1", came
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("program", "fault", "by"),
    [
        (WEB, "RuntimeError", "request_id"),
        (WORKER, "RuntimeError", "task_id"),
        (DATABASE, "IntegrityError", "request_id"),
    ],
    ids=["web", "worker", "database"],
)
def test_an_error_report_names_the_fault_and_nobody(
    program: str,
    fault: str,
    by: str,
    service_env: dict[str, str],
    restaurant: object,
    tmp_path: Path,
) -> None:
    restaurant()  # type: ignore[operator]
    with listening() as (dsn, came):
        env = service_env | {"SENTRY_DSN": dsn, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "-c", program], env=env, cwd=tmp_path, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    (report,) = [text for text in came if fault in text]
    assert any(by in json.loads(line).get("tags", {}) for line in report.splitlines()), by
    assert json.loads(report.splitlines()[0])["event_id"]
    for secret in SECRETS:
        assert secret not in report, secret
        assert secret not in done.stderr + done.stdout, secret


JOBS = """
import sentry_sdk
from tasks import maintenance
from tasks.jobs import retention
from workers.hooks import start_sentry

start_sentry()
maintenance.sweep()
maintenance.sweep()
retention.forget_old = None
try:
    maintenance.forget()
except TypeError:
    pass
sentry_sdk.flush()
"""


def test_jobs_of_the_clock_check_in_once_a_minute_and_tell_their_failures(
    service_env: dict[str, str], restaurant: object, tmp_path: Path
) -> None:
    restaurant()  # type: ignore[operator]
    with listening() as (dsn, came):
        env = service_env | {"SENTRY_DSN": dsn, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [sys.executable, "-c", JOBS], env=env, cwd=tmp_path, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for text in came for line in text.splitlines()]
    found = [line for line in lines if "monitor_slug" in line]
    assert [(each["monitor_slug"], each["status"]) for each in found] == [
        ("maitred-sweep", "ok"),
        ("maitred-forget", "error"),
    ]
    assert found[0]["release"].startswith("maitred@")
