"""The number of connections in use: of one process, and of all that share METRICS_DIR."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from models.core.settings import settings
from tests.architecture.tree import ROOT
from web.metrics.requests import exposition

IN_USE, MOST = "maitred_database_connections_in_use", "maitred_database_connections_most"
HOLDING = """
import sys
from models.core.database.transactions import engine
held = [engine().connect() for _ in range(2)]
print("held", flush=True)
sys.stdin.read()
"""


def in_use() -> float | None:
    return REGISTRY.get_sample_value(IN_USE)


@pytest.mark.both
def test_what_is_taken_is_counted_until_it_is_given_back(db: Engine) -> None:
    with db.connect(), db.connect() as second:
        assert in_use() == 2
        second.invalidate()
        assert in_use() == 1, "a broken one is nobody's"
    assert in_use() == 0
    most = REGISTRY.get_sample_value(MOST)
    assert most is not None
    with ExitStack() as held:
        for _ in range(int(most)):
            held.enter_context(db.connect())
        assert in_use() == most


@contextmanager
def _holding(env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start a process that holds two connections."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDING],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
        child.kill()


def test_all_processes_are_one_sum_and_a_killed_one_holds_nothing(
    db: Engine, service_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRICS_DIR", str(tmp_path))
    settings.cache_clear()
    env = service_env | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}

    def summed() -> float:
        families = text_string_to_metric_families(exposition().decode())
        return sum(
            sample.value for each in families if each.name == IN_USE for sample in each.samples
        )

    with _holding(env) as first, _holding(env):
        assert summed() == 4
        first.kill()
        first.wait()
        assert summed() == 2
