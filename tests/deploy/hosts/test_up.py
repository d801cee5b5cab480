"""`make up` in a real clone: start, use, stop, and start again with the same data."""

import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.architecture.tree import ROOT, tracked
from tests.services import plan
from tests.services.running.process import NotReady, Process, wait_until

pytestmark = pytest.mark.slow

#: Enough for a cold, busy machine; a warm one needs about 6 s.
READY = 60
#: Extra seconds for the download of uncached wheels.
INSTALLED = 300
#: The first command of the README.
FIRST = re.search(r"^## Try it.*?^```sh\n(.+?)\n```", (ROOT / "README.md").read_text(), re.M | re.S)


@dataclass
class Clone:
    """A clone of this repository, and nothing else."""

    folder: Path
    runs: int = 0

    @property
    def python(self) -> str:
        """The Python of the environment that `make` creates there."""
        return str(self.folder / ".venv" / "bin" / "python")

    def start(self, *argv: str) -> Process:
        """Start a command in the clone, without the tests' environment."""
        self.runs += 1
        python = Path(sys.base_prefix) / "bin"
        env = {"PATH": f"{python}:/usr/local/bin:/usr/bin:/bin", "HOME": str(self.folder.parent)}
        log = self.folder.parent / f"run-{self.runs}.log"
        process = Process(" ".join(argv), argv, log=log, env=env, cwd=self.folder)
        process.start()
        return process

    def opened(self, process: Process) -> "Sign":
        """Wait for the block of addresses. The first start also installs the wheels."""
        seconds = READY if self.runs > 1 else READY + INSTALLED
        process.wait_ready(lambda: "Press Ctrl-C to stop" in process.tail(), seconds=seconds)
        return Sign(process.log.read_text(encoding="utf-8"))

    def living(self) -> list[str]:
        """Return the processes that run in the clone."""
        found = []
        for process in psutil.process_iter():
            try:
                if Path(process.cwd()).is_relative_to(self.folder):
                    found.append(" ".join(process.cmdline()) or process.name())
            except (psutil.Error, OSError):
                continue
        return found

    def living_by_name(self, part: str) -> list[psutil.Process]:
        """Return the clone's processes whose command line has this part."""
        found = []
        for process in psutil.process_iter():
            try:
                is_here = Path(process.cwd()).is_relative_to(self.folder)
                if is_here and part in " ".join(process.cmdline()):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found


class Sign:
    """The content of the block of addresses."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.base = self._find(r"Base URL +(\S+)")
        self.flower, self.operator, self.password = self._find_all(r"Flower +(\S+) +(\S+) / (\S+)")
        self.accounts = dict(re.findall(r"(\w+@demo\.example) +(\S+)", text))

    def _find(self, pattern: str) -> str:
        return self._find_all(pattern)[0]

    def _find_all(self, pattern: str) -> tuple[str, ...]:
        found = re.search(pattern, self.text)
        assert found, self.text
        return found.groups()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """The tracked files, including uncommitted changes."""
    yield make_clone(tmp_path_factory.mktemp("up") / "clone")


def make_clone(folder: Path) -> Clone:
    for path in tracked():
        if (ROOT / path).is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes((ROOT / path).read_bytes())
    return Clone(folder)


def reserve(base: str, email: str = "kim@guests.example") -> dict[str, Any]:
    """Reserve a table for two on the first available day; return the decided reservation."""
    restaurant = f"{base}/api/v1/restaurants/demo"
    for days in range(1, 9):
        day = (datetime.now(UTC) + timedelta(days=days)).date().isoformat()
        asked = {"date": day, "party_size": "2"}
        slots = httpx.get(f"{restaurant}/availability", params=asked).json()["slots"]
        if slots:
            guest = {"name": "Kim", "email": email}
            answer = httpx.post(
                f"{restaurant}/reservations",
                json={"party_size": 2, "start": slots[0]["start"], "guest": guest},
                headers={"Idempotency-Key": str(uuid.uuid4()), "Prefer": "wait=10"},
                timeout=20,
            )
            assert answer.status_code == 201, answer.text
            found: dict[str, Any] = answer.json()
            return found
    raise AssertionError("the demo restaurant has no table in the next eight days")


def read(base: str, reservation: dict[str, Any]) -> dict[str, Any]:
    token = reservation["manage_url"].rpartition("/")[2]
    url = f"{base}/api/v1/reservations/{reservation['id']}"
    answer = httpx.get(url, headers={"Manage-Token": token})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def until_flower_shows_a_decision(sign: Sign) -> None:
    """Wait for it. Flower may have started after the first reservation, so make more."""
    for _ in range(4):
        try:
            wait_until(lambda: decided_in_flower(sign), seconds=10, what="the decision in Flower")
        except NotReady:
            reserve(sign.base)
        else:
            return
    raise AssertionError(f"Flower shows no decision, but {shown(sign)}")


def decided_in_flower(sign: Sign) -> bool:
    """Return whether Flower shows both kinds of workers, and the decision by its name."""
    workers, tasks = shown(sign)
    return "allocation.decide" in tasks and workers >= {"allocation", "messages"}


def shown(sign: Sign) -> tuple[set[str], set[str]]:
    """Return the kinds of workers known to Flower, and the names of tasks."""
    operator = (sign.operator, sign.password)
    # use heartbeats: an inspection misses a busy worker and is not repeated
    asked = f"{sign.flower}/api/workers?status=1"
    alive = httpx.get(asked, auth=operator, timeout=10).json()
    tasks = httpx.get(f"{sign.flower}/api/tasks", auth=operator, timeout=10).json().values()
    kinds = {name.partition("@")[0] for name, is_alive in alive.items() if is_alive}
    return kinds, {str(task["name"]) for task in tasks}


@pytest.mark.timeout(600)
def test_the_first_command_of_the_readme_opens_serves_and_opens_again(clone: Clone) -> None:
    assert FIRST
    process = clone.start(*FIRST[1].split())
    sign = clone.opened(process)
    for path in ("/readyz", "/book/demo", "/docs"):
        assert httpx.get(sign.base + path, follow_redirects=True).status_code == 200, path
    assert httpx.get(sign.flower + "/workers").status_code == 401
    operator = (sign.operator, sign.password)
    assert httpx.get(sign.flower + "/workers", auth=operator).status_code == 200
    assert len(sign.accounts) == 4
    for email, password in sign.accounts.items():
        body = {"email": email, "password": password}
        assert httpx.post(f"{sign.base}/api/v1/auth/sign-in", json=body).status_code == 200

    reservation = reserve(sign.base)
    assert reservation["status"] == "confirmed"
    mails = clone.folder / "var" / "mail"
    wait_until(lambda: list(mails.glob("*.eml")), seconds=30, what="a mail")
    (mail,) = mails.glob("*.eml")
    assert reservation["reference"].encode() in mail.read_bytes()
    until_flower_shows_a_decision(sign)

    assert "maitred_tasks_total{" in httpx.get(f"{sign.base}/metrics").text
    logs = b"".join(log.read_bytes() for log in (clone.folder / "var" / "log").glob("*.log"))
    assert b"kim@guests.example" not in logs
    assert b"Kim" not in logs

    other = subprocess.run(
        [clone.python, "-m", "deploy.embedded.up"],
        cwd=clone.folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert other.returncode == 1
    assert re.search(rf"already runs here \(process \d+, {sign.base}\)", other.stderr)

    os.killpg(process.pid, signal.SIGINT)  # like Ctrl-C in a terminal
    wait_until(lambda: not process.is_running, seconds=30, what="closed")
    assert "Stopped." in process.tail(5)
    assert clone.living() == []

    again = clone.start(clone.python, "-m", "deploy.embedded.up")
    second = clone.opened(again)
    assert (second.base, second.password) == (sign.base, sign.password)
    assert second.accounts == sign.accounts
    assert read(second.base, reservation)["status"] == "confirmed"
    again.terminate(seconds=30)
    assert again.exit_code == 0
    assert clone.living() == []
    plan.prove(line="metrics", target="embedded", how="seen", figure="/metrics; no dashboards")
    for line in ("development", "first-start"):
        plan.prove(
            line=line, target="embedded", how="seen", figure="the first command of README.md"
        )


#: A Flower whose port is taken by another process just before it starts the first time; afterwards
#: it cannot start at all.
UNLUCKY = """
import os, pathlib, subprocess, sys
TAKE = '''
import os, socket, time
held = socket.create_server(("127.0.0.1", int(os.environ["FLOWER_PORT"])))
print("taken", flush=True)
time.sleep(120)
'''
once = pathlib.Path("var/once")
if not once.exists():
    other = subprocess.Popen(
        [sys.executable, "-c", TAKE], stdout=subprocess.PIPE, start_new_session=True
    )
    other.stdout.readline()
    once.write_text(str(other.pid))
sys.exit("Flower cannot start")
"""


def test_a_taken_port_a_broken_observer_and_a_killed_worker_end_nothing(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    (clone.folder / "unlucky.py").write_text(UNLUCKY, encoding="utf-8")
    procfile = clone.folder / "Procfile"
    lines = procfile.read_text(encoding="utf-8")
    procfile.write_text(re.sub(r"(?m)^flower:.*$", "flower: python unlucky.py", lines))
    process = clone.start(sys.executable, "-m", "deploy.embedded.up")
    sign = clone.opened(process)
    said = process.log.read_text(encoding="utf-8")
    assert re.search(r"Port \d+ \(flower\) was taken by another program. Trying again.", said)
    assert "continues without flower" in said.partition("Maitred is running")[0]

    for worker in clone.living_by_name("allocation@"):
        worker.kill()
    wait_until(
        lambda: "allocation is being restarted" in process.tail(200), seconds=15, what="said"
    )
    assert reserve(sign.base)["status"] == "confirmed"

    other = int((clone.folder / "var" / "once").read_text())
    os.kill(other, signal.SIGKILL)
    process.terminate(seconds=30)
    assert process.exit_code == 0
