"""`/metrics` and `/readyz` report backups from the database, without opening a store."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from models import migrations
from models.core.database import transactions as core_db
from tasks import backup_queue
from tasks.backups.manifest import PIECE
from tasks.maintenance import health
from tests.backups.conftest import BACKUP_KEY, Hands
from tests.deploy.cli.test_cli import run
from tests.services.counting import counting
from tests.services.running import surroundings
from tests.services.running.stand import Stand
from web.app import create_app
from web.metrics.backups import BackupCollector

HOUR = timedelta(hours=1)
Gauges = dict[tuple[str, ...], float]


@pytest.fixture
def far(tmp_path: Path) -> Path:
    return tmp_path / "far"


@pytest.fixture
def client(
    stand: Stand,
    service_env: dict[str, str],
    kept: Path,
    far: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Any]:
    """A client of the web application, with backups in two stores."""
    values = {
        "BACKUP_STORE": str(kept),
        "BACKUP_SECOND_STORE": str(far),
        "BACKUP_KEY": BACKUP_KEY,
    }
    surroundings.settle(monkeypatch, service_env | values)
    yield create_app().test_client()


def _gauges(client: Any) -> Gauges:
    """(name without its prefix, store, kind) or (name, job) -> value."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (
            sample.name.removeprefix("maitred_backup_"),
            *(value for _, value in sorted(sample.labels.items(), reverse=True)),
        ): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name.startswith("maitred_backup_")
    }


def test_ages_sizes_and_jobs_are_told(client: Any, hands: Hands, kept: Path, far: Path) -> None:
    assert _gauges(client) == {}
    run("backup", "create")
    run("backup", "drill")
    hands.move(HOUR)
    (piece,) = kept.glob(f"*{PIECE}")
    found = _gauges(client)
    for store in ("first", "second"):
        assert 3600 <= found["newest_age_seconds", store, "snapshot"] < 3700
        assert found["newest_bytes", store, "snapshot"] == piece.stat().st_size
        assert found["backups", store] == 1
        assert found["bytes", store] == piece.stat().st_size
        assert found["damaged_manifests", store] == 0
    for job in ("backup", "drill", "second_store"):
        assert 3600 <= found["job_success_age_seconds", job] < 3700
        assert 0 < found["job_seconds", job] < 100
        assert found["job_failing", job] == 0


def test_no_store_is_opened_and_one_query_is_made(
    client: Any,
    kept: Path,
    far: Path,
) -> None:
    run("backup", "create")
    before = _gauges(client)
    shutil.rmtree(kept)
    shutil.rmtree(far)
    assert _gauges(client).keys() == before.keys()
    with counting(core_db.engine()) as statements:
        assert list(BackupCollector().collect())
    assert statements.count == 1


def test_a_failure_is_seen_at_once(client: Any, hands: Hands, kept: Path, far: Path) -> None:
    run("backup", "create")
    shutil.rmtree(far)
    far.write_text("no folder any more")
    hands.move(HOUR)
    run("backup", "create", ends=1)
    found = _gauges(client)
    assert (found["job_failing", "second_store"], found["job_failing", "backup"]) == (1, 0)
    assert found["newest_age_seconds", "first", "snapshot"] < 60
    assert found["newest_age_seconds", "second", "snapshot"] >= 3600
    far.unlink()
    backup_queue.copy()
    assert _gauges(client)["job_failing", "second_store"] == 0


def test_without_the_database_the_other_metrics_are_there(client: Any, db: Engine) -> None:
    run("backup", "create")
    with db.begin() as connection:
        connection.exec_driver_sql("DROP TABLE job_runs")
    assert _gauges(client) == {}
    assert "maitred_http_requests_total" in client.get("/metrics").text


def test_readiness_names_what_lies_where_and_what_is_late(
    client: Any, db: Engine, hands: Hands, far: Path
) -> None:
    run("backup", "create")
    name = run("backup", "list").stdout.splitlines()[-1].split()[0]
    with db.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{migrations.head()}')")
    hands.move(HOUR)
    shutil.rmtree(far)
    far.write_text("no folder any more")
    run("backup", "create", ends=1)
    hands.move(HOUR / 2 + timedelta(minutes=1))
    health()
    found = client.get("/readyz").json["health"]
    assert "second_store" in found["late"]
    assert not {"backup", "drill"} & set(found["late"])
    said = {job["name"]: job["last_error"] for job in found["jobs"]}
    assert str(far) in said["second_store"]
    assert found["stores"]["second"]["newest"]["snapshot"]["name"] == name
    assert (
        found["stores"]["first"]["newest"]["snapshot"]["age"]
        < found["stores"]["second"]["newest"]["snapshot"]["age"]
    )
