"""A pair of servers for a test, connected by the product's own commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.test_cli import run
from tests.failover.pair import Pair, make_seed, name_of, start_pair
from tests.services import surroundings


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
    run("failover", "--to", name_of(apart.one), "--wait", "0", "--no-backup")
    return apart
