"""The servers of a benchmark: MariaDB with durable commits, Redis, and Maitred's processes."""

import os
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.architecture.tree import ROOT
from tests.services.ports import free_port
from tests.services.running.process import Process
from tests.services.running.schema import create_tables
from tests.services.running.surroundings import environment
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer

BIN = Path(sys.executable).parent


@dataclass
class Ground:
    """Servers and processes of one benchmark, by name."""

    folder: Path
    database: MariaDB
    redis: RedisServer
    mailbox: Mailbox
    env: dict[str, str]
    processes: dict[str, Process] = field(default_factory=dict)
    port: int = 0

    def start(self, name: str, *argv: str | Path, env: Mapping[str, str] | None = None) -> Process:
        """Start one process of Maitred."""
        process = Process(
            name,
            argv,
            log=self.folder / f"{name}.log",
            env=self.env | dict(env or {}),
            cwd=ROOT,
        )
        process.start()
        self.processes[name] = process
        return process

    def start_web(
        self, target: str = "web.wsgi:app", *, workers: int = 1, threads: int = 16
    ) -> None:
        """Start the web server and wait until it is ready."""
        self.port = free_port()
        web = self.start(
            "web",
            BIN / "granian",
            "--interface=wsgi",
            "--no-ws",
            "--host=127.0.0.1",
            f"--port={self.port}",
            f"--workers={workers}",
            f"--blocking-threads={threads}",
            "--backpressure=256",
            "--log-level=warning",
            target,
        )
        web.wait_ready(self._answers)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1):
                return True
        except OSError:
            return False

    def start_worker(self, name: str, *queues: str, app: str = "workers.entry:app") -> Process:
        """Start a `solo` worker of these queues."""
        return self.start(
            name,
            BIN / "celery",
            "-A",
            app,
            "worker",
            "--pool=solo",
            f"--queues={','.join(queues)}",
            f"--hostname={name}@bench",
            "--without-gossip",
            "--without-mingle",
            "--loglevel=WARNING",
        )

    def stop(self, *names: str) -> None:
        """End processes (all without names)."""
        for name in names or tuple(self.processes):
            self.processes.pop(name).terminate(seconds=25)

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far of each process and its children, as counted by the kernel."""
        pids = {name: process.pid for name, process in self.processes.items()}
        pids["mariadb"] = self.database._process.pid  # type: ignore[union-attr]
        pids["redis"] = self.redis._process.pid
        return {name: _cpu_seconds(pid) for name, pid in pids.items()}


def _cpu_seconds(pid: int) -> float:
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    times = [each.cpu_times() for each in family]
    return sum(each.user + each.system for each in times)


@contextmanager
def ground(server: Sequence[str] = ()) -> Iterator[Ground]:
    """Start the servers without Maitred's processes; remove everything afterwards.

    `server` replaces MariaDB's usual options.
    """
    folder = Path(tempfile.mkdtemp(prefix="maitred-bench-"))
    database = MariaDB(folder / "mariadb", durable=True, options=server)
    redis = RedisServer(folder / "redis")
    mailbox = Mailbox()
    database.start()
    redis.start()
    mailbox.start()
    url = database.new_database("bench")
    create_tables(url)
    env = os.environ | environment(
        folder, database_url=url, redis_url=redis.url, smtp_url=mailbox.url
    )
    env["LOG_LEVEL"] = "WARNING"
    made = Ground(folder, database, redis, mailbox, env)
    try:
        yield made
    finally:
        made.stop()
        redis.kill()
        made.database.kill()  # another one may have replaced it
        mailbox.stop()
        shutil.rmtree(folder, ignore_errors=True)


def settle(seconds: float = 1.0) -> None:
    """Wait between two measurements until the machine is idle."""
    time.sleep(seconds)
