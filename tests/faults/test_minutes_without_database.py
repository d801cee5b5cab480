"""The database is away for five minutes: nothing needs a restart, and work continues."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.guests import assert_all_checks_pass
from tests.services import plan
from tests.services.running.process import wait_until
from tests.services.running.stack import Stack, evening
from tests.services.running.stacks import open_stack
from tests.services.servers.mariadb import MariaDB

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
HALL = {str(number): ("hall", 1, 4) for number in range(12)}
AWAY_SECONDS = 300
EVERY_SECONDS = 10


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Stack]:
    """An installation with a server of its own."""
    server = MariaDB(tmp_path / "mariadb")
    server.start()
    with open_stack(tmp_path / "stack", server) as stack:
        yield stack
        print(stack.logs())
    server.kill()


def test_five_minutes_without_a_database_end_nothing(apart: Stack) -> None:
    assert apart.mariadb is not None
    restaurant = apart.open_restaurant(tables=HALL)
    waiting = [apart.post(restaurant, start=evening(day)) for day in range(1, 6)]
    pids = {name: process.pid for name, process in apart.processes.items()}
    apart.mariadb.kill()
    ends = time.monotonic() + AWAY_SECONDS
    while time.monotonic() < ends:
        assert httpx.get(f"{apart.url}/healthz", timeout=10).status_code == 200
        assert httpx.get(f"{apart.url}/readyz", timeout=30).status_code == 503
        assert apart.post(restaurant, start=evening(6)).status == 503
        time.sleep(EVERY_SECONDS)
    apart.mariadb.start()
    began = time.monotonic()
    apart.engine.dispose()
    wait_until(lambda: _serves(apart, restaurant.slug), seconds=60, what="it serves again")
    served = time.monotonic() - began
    asked = [apart.post(restaurant, start=evening(day)) for day in range(7, 12)]
    assert {each.status for each in asked} == {202}
    found = apart.wait_decided(each.id for each in [*waiting, *asked])
    assert set(found.values()) == {"confirmed"}
    apart.wait_quiet(seconds=60)
    assert {name: process.pid for name, process in apart.processes.items()} == pids
    assert all(process.is_running for process in apart.processes.values())
    assert_all_checks_pass(apart)
    said = f"away for {AWAY_SECONDS} s: served {served:.1f} s after it was back, no process ended"
    print(said)
    plan.prove(line="database-away", target="hosts", how="seen", figure=said)


def _serves(stack: Stack, slug: str) -> bool:
    return httpx.get(f"{stack.url}/api/v1/restaurants/{slug}", timeout=30).is_success
