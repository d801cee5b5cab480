"""Fixtures: a pair of servers, connected by the product's own commands."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.cli.test_cli import run
from tests.failover.cut_off import cut_off_and_back
from tests.failover.pair import Pair, make_seed, name_of, start_pair
from tests.services.running import surroundings
from tests.services.servers.redis import RedisServer


@pytest.fixture(scope="session")
def _seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_seed(tmp_path_factory.mktemp("seed"))


@pytest.fixture
def apart(_seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """Two servers with the same data, both read-only, neither following the other."""
    pair = start_pair(_seed, tmp_path)
    values = surroundings.environment(tmp_path, database_url=pair.database_url)
    surroundings.settle(monkeypatch, values | {"FAILOVER_URL": pair.failover_url})
    yield pair
    surroundings.forget_everything()
    pair.kill()


@pytest.fixture
def pair(apart: Pair) -> Pair:
    """The primary and its replica."""
    run("failover", "promote", "--to", name_of(apart.one), "--wait", "0", "--no-backup")
    return apart


@pytest.fixture
def redis_there(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own, because it remembers the pair's promotions."""
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def returned(pair: Pair, redis_there: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """The first was cut off and the second promoted; the first is back and writable."""
    mine = {"REDIS_URL": redis_there.url, "DATABASE_CONNECT_SECONDS": "1"}
    surroundings.settle(monkeypatch, dict(os.environ) | mine)
    cut_off_and_back(pair)
    surroundings.forget_everything()
    return pair
