"""The limit on concurrent password hashes: a flood of sign-ins is refused and uses no memory."""

import os
import sys
import threading
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import orjson

from models.core.settings import settings
from tests.api.conftest import PASSWORD, Client, Stand, sign_in
from tests.architecture.tree import ROOT
from tests.services.ports import free_port, is_listening
from tests.services.running.process import Process
from web.http import hashing

SIGN_IN = "/api/v1/auth/sign-in"
AT_ONCE = 64
MIB = 1024
#: memory of one hash, in KiB (argon2-cffi's default, RFC 9106)
ONE = 64 * MIB


def test_64_at_once_hold_the_memory_of_two(
    staffed: Stand, service_env: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    process = Process(
        "web",
        [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--port", str(port),
         "--blocking-threads", str(AT_ONCE), "web.wsgi:app"],
        log=tmp_path / "web.log",
        env=dict(os.environ) | service_env,
        cwd=ROOT,
    )  # fmt: skip
    process.start()
    process.wait_ready(lambda: is_listening(port))
    try:
        assert guess(port, "first")[0] == 401  # warm up: lazy imports are done
        before = sum(peaks(process.pid))
        answers = all_at_once(port)
        more = sum(peaks(process.pid)) - before
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    finally:
        process.terminate()
    assert {status for status, _, _ in answers} == {401, 503}
    refused = [each for each in answers if each[0] == 503]
    assert {(again, code) for _, again, code in refused} == {("1", "too-many-hashes")}
    assert more < (settings().hashes_max + 1) * ONE
    assert f"maitred_password_hashes_refused_total {len(refused)}.0" in text
    assert "maitred_password_hashes 0.0" in text


def guess(port: int, who: str, gate: threading.Barrier | None = None) -> tuple[int, str, str]:
    """Return status, Retry-After and code of a wrong sign-in."""
    body = orjson.dumps({"email": f"{who}@example.com", "password": "wrong wrong"})
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as line:
        line.connect()
        if gate:
            gate.wait()
        line.request("POST", SIGN_IN, body, {"Content-Type": "application/json"})
        answer = line.getresponse()
        said = orjson.loads(answer.read())
        return answer.status, answer.headers.get("Retry-After", ""), said["code"]


def all_at_once(port: int) -> list[tuple[int, str, str]]:
    """Start all sign-ins at the same moment. Return their results."""
    found: list[tuple[int, str, str]] = []
    gate = threading.Barrier(AT_ONCE)

    def run(number: int) -> None:
        found.append(guess(port, f"nobody{number}", gate))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def peaks(pid: int) -> list[int]:
    """Return the peak memory of the process and each of its children, in KiB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return [int(line.split()[1]), *(each for child in children for each in peaks(int(child)))]


def test_a_sign_in_without_a_free_slot_is_refused_at_once_and_is_no_failure(staffed: Stand) -> None:
    slots = hashing._slots()
    while slots.move(1):
        pass
    body = {"email": "host@example.com", "password": "wrong wrong"}
    for _ in range(15):
        answer = staffed.client.post(SIGN_IN, json=body)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    header_of(staffed.client, slots)


def header_of(client: Client, slots: Any) -> None:
    """Sign in with a single place, which is released even after a failed sign-in."""
    slots.move(-1)
    wrong = {"email": "host@example.com", "password": "wrong wrong"}
    assert client.post(SIGN_IN, json=wrong).status_code == 401
    token = sign_in(client, "host@example.com")["access_token"]
    change = client.post(
        "/api/v1/auth/password",
        json={"current": PASSWORD, "password": "too short"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert change.status_code == 422
    assert sign_in(client, "host@example.com")


def test_no_other_module_of_the_web_hashes() -> None:
    for path in (ROOT / "web").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name != "hashing.py":
            assert "from models.operations.accounts.accounts import hash_password" not in text, path
            assert "    is_password,\n" not in text and "    hash_password,\n" not in text, path
