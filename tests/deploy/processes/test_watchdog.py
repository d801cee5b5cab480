"""A worker whose task never ends is ended by its own watchdog, which logs the stack."""

import subprocess
import sys

import pytest

from tasks.queues import TASKS
from tests.architecture.tree import ROOT
from workers import watchdog

#: a task that blocks in C, like a driver that waits for a server
_HANGS = """
import time
from workers import watchdog
watchdog.GRACE_SECONDS = {grace}
watchdog._POLL_SECONDS = 0.01
watchdog.start()
watchdog.begin("t1", "maintenance.sweep")
{then}
time.sleep({after})
print("it went on")
"""


def _run(
    env: dict[str, str], *, limit: float, after: float, then: str = ""
) -> subprocess.CompletedProcess[str]:
    grace = limit - TASKS["maintenance.sweep"].hard_limit
    return subprocess.run(
        [sys.executable, "-c", _HANGS.format(grace=grace, after=after, then=then)],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_task_past_its_hard_limit_ends_the_worker(service_env: dict[str, str]) -> None:
    ended = _run(service_env, limit=0.5, after=50)
    assert ended.returncode == watchdog.EXIT_CODE
    assert "it went on" not in ended.stdout
    assert "time.sleep" in ended.stderr or "<string>" in ended.stderr


def test_a_task_that_ends_in_time_does_not(service_env: dict[str, str]) -> None:
    done = _run(service_env, limit=2, after=3, then='watchdog.end("t1")')
    assert (done.returncode, done.stdout) == (0, "it went on\n")


def test_every_task_of_the_table_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_running", {})
    for name in TASKS:
        watchdog.begin(name, name)
    assert set(watchdog._running) == set(TASKS)
    assert watchdog.overdue() is None
    monkeypatch.setattr(watchdog, "monotonic", lambda: 10**9)
    assert watchdog.overdue() in TASKS
