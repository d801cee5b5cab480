"""`/readyz` names a replica that is away or behind, and a primary that runs without one."""

from typing import Any

import pytest

from models.core.database.transactions import reading
from models.entities.running import JobRun
from tasks.failover.health import ServerHealth, with_servers
from tasks.maintenance import health
from tests.failover.pair import Pair, name_of
from tests.services.running.process import wait_until

BARE: dict[str, Any] = {"late": ["requests"], "well": False}


def _late(role: str, *, behind: float | None = None, off: bool = False) -> list[str]:
    facts = with_servers(
        {"late": [], "well": True}, (ServerHealth("here:1", role, behind, semi_sync_off=off),)
    )
    assert facts["well"] is not bool(facts["late"])
    late: list[str] = facts["late"]
    return late


def test_what_is_late_is_named() -> None:
    assert _late("primary") == []
    assert _late("primary", off=True) == ["semi_sync"]
    assert _late("replica", behind=30.0) == []
    assert _late("replica", behind=30.1) == ["replica"]
    assert _late("replica") == ["replica"]
    assert _late("gone") == ["replica"]
    assert _late("replaced") == ["two_primaries"]
    assert with_servers(BARE, ()) == BARE


def _look() -> dict[str, Any]:
    health()
    with reading() as session:
        found = session.get_one(JobRun, "health").result
    assert found is not None
    return found


@pytest.mark.mariadb
def test_the_restaurant_looks_at_its_servers(pair: Pair) -> None:
    one, two = map(name_of, pair.servers)
    wait_until(
        lambda: [each["behind_seconds"] for each in _look()["servers"]] == [None, 0.0],
        seconds=20,
        what="the replica's look",
    )
    found = _look()
    assert [(each["server"], each["role"]) for each in found["servers"]] == [
        (one, "primary"),
        (two, "replica"),
    ]
    assert not {"replica", "semi_sync"} & set(found["late"])
    pair.two.kill()
    _look()  # the first commit without a replica waits for one second, then goes on alone
    found = _look()
    assert {"replica", "semi_sync"} <= set(found["late"])
    assert not found["well"]
