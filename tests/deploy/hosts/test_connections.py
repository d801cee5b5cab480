"""The number of Redis connections that each process holds in a running installation.

Redis has `maxclients`; the runbook lists the numbers for operators, and they must be correct.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.procfile import commands_of
from tests.architecture.tree import ROOT
from tests.services.ports import free_port
from tests.services.running.process import Process, wait_until
from tests.services.running.schema import create_tables
from tests.services.running.stack import Stack, evening
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.redis import RedisServer

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "runbooks" / "RedisGone.md"


@pytest.fixture
def stack(tmp_path: Path, mailbox: Mailbox) -> Iterator[Stack]:
    """Web, two allocation workers, a sender, the scheduler and Flower, on their own Redis."""
    url = f"sqlite:///{tmp_path / 'restaurant.sqlite3'}"
    create_tables(url)
    server = RedisServer(tmp_path / "redis")
    (tmp_path / "redis").mkdir(exist_ok=True)
    server.start()
    found = Stack(tmp_path, database_url=url, redis=server, mailbox=mailbox)
    found.env |= {"FLOWER_PORT": str(free_port()), "FLOWER_ADDRESS": "127.0.0.1"}
    found.start()
    flower = found._process("flower", commands_of(ROOT)["flower"])
    flower.start()
    found.processes["flower"] = flower
    address = f"http://127.0.0.1:{found.env['FLOWER_PORT']}/healthcheck"
    flower.wait_ready(lambda: _answers(address), seconds=90)
    yield found
    found.stop()
    server.kill()


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def sockets_of(process: Process) -> set[str]:
    """Return the inodes of all sockets of a process and its children."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            group = (folder / "stat").read_text().rpartition(")")[2].split()[2]
            if int(group) == process.pid:
                found |= {str(each.readlink()) for each in (folder / "fd").iterdir()}
        except (OSError, IndexError):
            continue  # it has ended meanwhile
    return {re.sub(r"\D", "", each) for each in found if each.startswith("socket:")}


def connections(stack: Stack) -> dict[str, int]:
    """Map each process to its number of connections to Redis, by Redis's own list."""
    with stack.redis.client() as client:
        ports = {int(each["addr"].rpartition(":")[2]) for each in client.client_list()}
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = {int(line[1].rpartition(":")[2], 16): line[9] for line in lines}
    mine = {inode.get(port, "") for port in ports}
    return {name: len(mine & sockets_of(each)) for name, each in stack.processes.items()}


def held_at_most(stack: Stack, *, looks: int = 12) -> dict[str, int]:
    """Return the most connections that each process holds while guests make requests."""
    most: Counter[str] = Counter()
    restaurant = stack.open_restaurant()
    for number in range(looks):
        asked = [stack.post(restaurant, start=evening(hour=12 + number % 8)) for _ in range(4)]
        most |= Counter(connections(stack))
        stack.wait_decided([each.id for each in asked])
        most |= Counter(connections(stack))
    wait_until(lambda: not stack.pending(), seconds=60, what="no work left")
    return dict(most | Counter(connections(stack)))


def test_each_process_holds_no_more_connections_than_the_runbook_says(stack: Stack) -> None:
    found = held_at_most(stack)
    print(f"connections to Redis: {found}")
    said = {
        name: int(number)
        for name, number in re.findall(r"^\| ([a-z ]+) \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    }
    kinds = {
        "web": "web process", "messages": "worker", "allocation-1": "worker",
        "allocation-2": "worker", "scheduler": "scheduler", "flower": "flower",
    }  # fmt: skip
    most: Counter[str] = Counter()
    for name, count in found.items():
        most[kinds[name]] = max(most[kinds[name]], count)
    assert most.keys() == said.keys()
    # on other machines Flower may use fewer threads
    assert {kind: count for kind, count in most.items() if count > said[kind]} == {}
