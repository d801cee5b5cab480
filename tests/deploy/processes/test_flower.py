"""Flower's pages, requested from a running Flower."""

import sys
from pathlib import Path

import httpx

from tasks.queues import QUEUES
from tests.architecture.tree import ROOT
from tests.services.ports import free_port
from tests.services.running.process import Process
from tests.services.running.surroundings import environment
from tests.services.servers.redis import RedisServer


def test_the_broker_tab_names_every_queue_before_any_worker_is_there(
    redis: RedisServer, tmp_path: Path
) -> None:
    """The list must not depend on an inspection: a busy worker would hide its queue."""
    port = free_port()
    env = environment(tmp_path, database_url="sqlite:////proc/nowhere", redis_url=redis.url)
    env |= {"FLOWER_ADDRESS": "127.0.0.1", "FLOWER_PORT": str(port)}
    flower = Process(
        "flower",
        [sys.executable, "-m", "workers.flower"],
        log=tmp_path / "flower.log",
        env=env | {"PYTHONPATH": str(ROOT)},
    )
    flower.start()
    try:
        operator = ("operator", env["FLOWER_PASSWORD"])
        page = f"http://127.0.0.1:{port}/broker"

        def answers() -> bool:
            try:
                return httpx.get(page, auth=operator, timeout=10).status_code == 200
            except httpx.TransportError:
                return False

        flower.wait_ready(answers, seconds=60)
        shown = httpx.get(page, auth=operator, timeout=10).text
        assert [queue for queue in QUEUES if f"<td>{queue}</td>" not in shown] == [], shown
    finally:
        flower.kill()
