"""A worker's sign of life ages only when the worker is stuck."""

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from models.core.redis import signals
from tests.architecture.tree import ROOT
from tests.services import plan
from tests.services.running.process import Process, wait_until
from tests.services.servers.redis import RedisServer
from workers import life, watchdog

#: A worker that touches its file twenty times a second; its loop runs `then` after one second.
_WORKER = """
import time
from workers import entry, life
life.TICK_SECONDS, life.STILL_SECONDS = 0.05, 0.5
class Then(life.bootsteps.StartStopStep):
    requires = (life.Ticking,)
    def start(self, parent):
        parent.timer.call_after(1.0, lambda: {then})
entry.app.steps["consumer"].add(Then)
entry.app.worker_main(["worker", "--pool", "solo", "--queues", "backups",
                       "--without-gossip", "--without-mingle"])
"""


@contextmanager
def worker(folder: Path, env: dict[str, str], *, then: str = "None") -> Iterator[Path]:
    """Run a real worker; yield the file of its sign of life."""
    sign = folder / "sign"
    more = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "WORKER_SIGN_OF_LIFE": str(sign)}
    argv = [sys.executable, "-c", _WORKER.format(then=then)]
    process = Process("worker", argv, log=folder / "worker.log", env=env | more, cwd=ROOT)
    process.start()
    try:
        process.wait_ready(sign.exists, seconds=60)
        yield sign
    finally:
        process.kill()


def shows(sign: Path, times: int) -> None:
    """Wait until the file was touched this many times more."""
    for _ in range(times):
        wait_until(partial(_is_newer, sign, sign.stat().st_mtime_ns), seconds=20, what="a sign")


def _is_newer(sign: Path, before: int) -> bool:
    return sign.stat().st_mtime_ns > before


def test_a_database_that_is_away_and_an_empty_queue_age_no_sign(
    service_env: dict[str, str], redis: RedisServer, tmp_path: Path
) -> None:
    nowhere = {"DATABASE_URL": "mysql+mysqldb://nobody@127.0.0.1:1/nothing"}
    with worker(tmp_path, service_env | nowhere) as sign:
        shows(sign, 40)  # far longer than the loop may block
    plan.prove(
        line="health", target="hosts", how="seen", figure="a database that is away stops no worker"
    )


def test_a_redis_that_is_away_ages_no_sign(
    service_env: dict[str, str], redis: RedisServer, tmp_path: Path
) -> None:
    with worker(tmp_path, service_env) as sign:
        redis.kill()
        try:
            shows(sign, 40)
        finally:
            redis.start()


def test_a_loop_that_hangs_ages_the_sign(
    service_env: dict[str, str], redis: RedisServer, tmp_path: Path
) -> None:
    with worker(tmp_path, service_env, then="time.sleep(1000)") as sign:

        def is_old() -> bool:
            return time.time() - sign.stat().st_mtime > 3

        wait_until(is_old, seconds=30, what="an old sign", every=0.2)


@pytest.mark.parametrize(
    ("silent", "busy", "redis_up", "is_stuck"),
    [
        (31, False, True, True),
        (29, False, True, False),
        (900, True, True, False),
        (900, False, False, False),
    ],
)
def test_stuck_is_a_loop_that_stands_still_without_a_reason(
    monkeypatch: pytest.MonkeyPatch, silent: int, busy: bool, redis_up: bool, is_stuck: bool
) -> None:
    monkeypatch.setattr(watchdog, "_running", {})
    monkeypatch.setattr(signals, "is_up", lambda: redis_up)
    monkeypatch.setattr(life, "monotonic", lambda: 1000.0)
    life.tick()
    if busy:
        watchdog.begin("t", "maintenance.forget")
    monkeypatch.setattr(life, "monotonic", lambda: 1000.0 + silent)
    assert life.is_stuck() is is_stuck
    monkeypatch.undo()
    life.tick()


def test_no_sign_is_shown_where_none_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(life, "FILE", "")
    monkeypatch.chdir(tmp_path)
    life.start()
    assert list(tmp_path.iterdir()) == []


def test_systemd_hears_of_a_worker_from_its_start_while_redis_is_away(
    service_env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setattr(life, "TICK_SECONDS", 0.02)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        ended = life.start_systemd_watchdog()
        request.addfinalizer(ended.set)
        assert systemd.recv(100) == b"WATCHDOG=1"
        # its loop has not started yet, because of Redis
        monkeypatch.setattr(life, "_ticked", -1000.0)
        monkeypatch.setattr(signals, "is_up", lambda: False)
        for _ in range(3):
            assert systemd.recv(100) == b"WATCHDOG=1"
        # a server started by the worker could otherwise notify systemd in its name
        assert "NOTIFY_SOCKET" not in os.environ
        monkeypatch.setattr(signals, "is_up", lambda: True)
        systemd.settimeout(0.5)
        with pytest.raises(TimeoutError):
            while True:
                systemd.recv(100)
