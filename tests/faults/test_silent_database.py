"""The connection to the only database falls silent, without an end or a refusal, then recovers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import httpx
import pytest

from models.core import clock
from models.core.database.transactions import make_engine, reading
from models.queries.running.health import read_health
from tests.faults.guests import assert_all_checks_pass
from tests.services.running.process import wait_until
from tests.services.running.schema import create_tables
from tests.services.running.stack import Asked, Stack, evening
from tests.services.servers.breaking_line import BreakingLine
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer

pytestmark = pytest.mark.slow

HALL = {str(number): ("hall", 1, 4) for number in range(12)}
LIMIT = 2
#: more concurrent guests than the web process has threads
CROWD = 48


@pytest.fixture
def line(mariadb: MariaDB) -> Iterator[BreakingLine]:
    with BreakingLine(mariadb.port) as between:
        yield between


@pytest.fixture
def apart(
    tmp_path: Path,
    mariadb: MariaDB,
    redis_server: RedisServer,
    mailbox: Mailbox,
    line: BreakingLine,
) -> Iterator[Stack]:
    """The running stack, whose processes reach the database over the breakable connection only."""
    url = mariadb.new_database("apart")
    create_tables(url)
    redis_server.flush()
    over_the_line = url.replace(f":{mariadb.port}/", f":{line.port}/")
    stack = Stack(
        tmp_path, database_url=over_the_line, redis=redis_server, mailbox=mailbox, mariadb=mariadb
    )
    stack.engine = make_engine(url, pool_size=4)
    for process in stack.processes.values():
        process.env["DATABASE_STATEMENT_SECONDS"] = str(LIMIT)
    try:
        stack.start()
        yield stack
    finally:
        line.speak_again()
        stack.stop()
        print(stack.processes["web"].tail())  # shown when the test fails


@pytest.mark.mariadb
def test_a_silent_database_hangs_nobody(apart: Stack, line: BreakingLine) -> None:
    restaurant = apart.open_restaurant(tables=HALL)
    before = [apart.post(restaurant, start=evening(day)) for day in range(1, 5)]
    apart.wait_decided(each.id for each in before)
    pids = {name: process.pid for name, process in apart.processes.items()}

    line.fall_silent()
    alive, asked = _ask_many(apart, restaurant)
    assert all(code == 200 for code, _seconds in alive)
    assert max(seconds for _code, seconds in alive) < LIMIT, "/healthz waits for the database"
    assert {each.status for each in asked} == {503}
    assert {each.body["code"] for each in asked} == {"unavailable"}
    began = monotonic()
    assert httpx.get(f"{apart.url}/readyz", timeout=30).status_code == 503
    assert monotonic() - began < 15

    line.speak_again()
    asks = f"{apart.url}/api/v1/restaurants/{restaurant.slug}"
    wait_until(lambda: httpx.get(asks).is_success, seconds=30, what="it serves again")
    again = [apart.post(restaurant, start=evening(day)) for day in range(5, 15)]
    assert {each.status for each in again} == {202}
    assert "requested" not in apart.wait_decided(each.id for each in again).values()
    assert_all_checks_pass(apart)
    # nothing had to be restarted, and the scheduler holds its lease
    assert {name: process.pid for name, process in apart.processes.items()} == pids
    assert all(process.is_running for process in apart.processes.values())
    wait_until(lambda: not _late(apart), seconds=60, what="every job and every queue in time")


@pytest.mark.mariadb
def test_processes_end_when_asked_to_while_the_database_is_silent(
    apart: Stack, line: BreakingLine
) -> None:
    line.fall_silent()
    restaurant_is_silent = monotonic()
    wait_until(lambda: monotonic() - restaurant_is_silent > 1, seconds=5, what="a sweep that hangs")
    for name in ("scheduler", *apart.workers):
        apart.processes[name].terminate(seconds=40)
        assert apart.processes[name].exit_code == 0, apart.processes[name].tail()


def _ask_many(stack: Stack, restaurant: object) -> tuple[list[tuple[int, float]], list[Asked]]:
    """The answers of `/healthz` and their times while so many guests request tables."""
    alive: list[tuple[int, float]] = []
    with ThreadPoolExecutor(CROWD) as pool:
        posts = [
            pool.submit(stack.post, restaurant, start=evening(number % 40 + 1))  # type: ignore[arg-type]
            for number in range(CROWD * 2)
        ]
        with httpx.Client(base_url=stack.url, timeout=30) as client:
            while not all(post.done() for post in posts):
                began = monotonic()
                alive.append((client.get("/healthz").status_code, monotonic() - began))
    return alive, [post.result() for post in posts]


def _late(stack: Stack) -> tuple[str, ...]:
    """The overdue jobs: those that have not run since the silence."""
    with reading(stack.engine) as session:
        return read_health(session, now=clock.now()).late
