"""One worker, and a Redis that rejects writes for a while during its tasks."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from celery import Celery
from kombu.exceptions import KombuError
from redis import Redis, RedisError

from deploy.procfile import commands_of
from tests.architecture.tree import ROOT
from tests.services.running.process import Process, wait_until
from tests.services.servers.redis import RedisServer

#: read-only, as after a failover, or full: the commands that begin and end this state
ROLES = {
    "read-only": (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    "full": (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
}
Send = Callable[[], None]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def worker(
    service_env: dict[str, str], db: object, broker: RedisServer, tmp_path: Path
) -> Iterator[Process]:
    """The Procfile's worker of the queue `allocation`."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    env = {**service_env, "REDIS_URL": broker.url, "PATH": path, "PYTHONPATH": str(ROOT)}
    argv = ["/bin/sh", "-c", f"exec {commands_of(ROOT)['allocation']}"]
    process = Process("worker", argv, log=tmp_path / "worker.log", env=env, cwd=ROOT)
    process.start()
    process.wait_ready(lambda: "ready." in process.tail())
    yield process
    process.kill()


def _sender(broker: RedisServer) -> Send:
    app = Celery("sender", broker=broker.url, set_as_current=False)

    def send() -> None:
        try:
            app.send_task("allocation.decide", args=[1], queue="allocation", retry=False)
        except (RedisError, KombuError):
            pass  # Redis rejects it

    return send


@pytest.mark.slow
@pytest.mark.parametrize("role", list(ROLES))
def test_a_worker_whose_acknowledgement_is_refused_goes_on_afterwards(
    worker: Process, broker: RedisServer, role: str
) -> None:
    """It may hold one message: if it counted that one as held permanently, it would wait
    forever.
    """
    send, (begin, end) = _sender(broker), ROLES[role]
    pid = worker.pid
    with broker.client() as client:
        for _ in range(3):
            _stop_at_work(worker, client, send)
            noticed = _noticed(worker)
            client.execute_command(*begin)
            worker.resume()
            wait_until(lambda n=noticed: _noticed(worker) > n, seconds=20, what="refused")  # type: ignore[misc]
            client.execute_command(*end)
            before = _ended(worker)
            send()
            wait_until(lambda n=before: _ended(worker) > n, seconds=20, what="goes on")  # type: ignore[misc]
    assert worker.is_running
    assert worker.pid == pid
    assert "Frequent restarts" not in worker.log.read_text()


def _stop_at_work(worker: Process, client: Redis, send: Send) -> None:
    """Pause the worker while tasks are waiting: otherwise it has no acknowledgement to be
    refused.
    """
    while True:
        before = _ended(worker)
        for _ in range(30):
            send()
        wait_until(partial(_has_ended_more, worker, before), seconds=20, what="at work")
        worker.pause()
        if client.llen("allocation"):
            return
        worker.resume()


def _has_ended_more(worker: Process, before: int) -> bool:
    return _ended(worker) > before


def _ended(worker: Process) -> int:
    return worker.log.read_text(encoding="utf-8").count("task ended")


def _noticed(worker: Process) -> int:
    text = worker.log.read_text(encoding="utf-8")
    return text.count("Connection to broker lost") + text.count("Cannot connect")
