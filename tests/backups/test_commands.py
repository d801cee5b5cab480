"""`maitred backup create | list | verify | restore | drill`: the operator's commands."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, func, select, text

from models.core.database.transactions import reading
from models.entities import Reservation
from models.entities.running import JobRun
from tasks.backups import restore_to_url
from tasks.backups.manifest import PIECE
from tasks.backups.stores.safe import Safe
from tests.deploy.cli.test_cli import run
from tests.queries.evening import play
from tests.services import plan
from tests.services.running.stand import Stand
from tests.services.servers.mariadb import MariaDB

NewPlace = Callable[[], str]


@pytest.fixture
def empty_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database without tables."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path}/elsewhere/maitred.db"
    server: MariaDB = request.getfixturevalue("mariadb")
    return server.new_database("elsewhere")


def _reservations(url: str) -> int:
    bind = create_engine(url)
    with bind.connect() as connection:
        count = connection.scalar(select(func.count()).select_from(Reservation))
    bind.dispose()
    return count or 0


def _job(name: str) -> tuple[dict[str, Any], str | None]:
    """The result of the job's last success, and the error of its last run."""
    with reading() as session:
        found = session.get(JobRun, name)
        assert found is not None
        return found.result or {}, found.last_error


@pytest.mark.both
def test_backup_list_restore(stand: Stand, safe: Safe, empty_url: str) -> None:
    play(stand)
    made = run("backup", "create").stdout
    name = made.split(":")[0]
    assert re.fullmatch(r"\d{8}T\d{6}Z-(full|snapshot|dump)-[0-9a-f]{6}", name)
    second = run("backup", "create", "--full").stdout.partition(":")[0]
    listed = run("backup", "list").stdout
    assert listed.index(name) < listed.index(second)
    assert _job("backup")[0]["name"] == second
    with reading() as session:
        count = session.scalar(select(func.count()).select_from(Reservation))
    said = run("backup", "restore", "--from", name, "--to-url", empty_url).stdout
    assert f"reservations {count}" in said
    assert _reservations(empty_url) == count
    again = run("backup", "restore", "--to-url", empty_url, ends=1)
    assert "never overwrites" in again.stderr
    assert _reservations(empty_url) == count


@pytest.mark.both
def test_restore_into_a_folder(stand: Stand, safe: Safe, tmp_path: Path) -> None:
    stand.ask(2)
    run("backup", "create")
    said = run("backup", "restore", "--into", str(tmp_path / "back")).stdout
    assert "reservations 1" in said
    assert any((tmp_path / "back").iterdir())
    assert "not empty" in run("backup", "restore", "--into", str(tmp_path / "back"), ends=1).stderr
    assert "give the target" in run("backup", "restore", ends=2).stderr
    assert (
        "missing"
        in run(
            "backup", "restore", "--from", "nothing", "--into", str(tmp_path / "new"), ends=1
        ).stderr
    )


@pytest.mark.both
def test_a_drill_is_timed_and_written_down(
    stand: Stand, safe: Safe, kept: Path, backend: str
) -> None:
    stand.ask(2)
    assert "has been made yet" in run("backup", "drill", ends=1).stderr
    run("backup", "create")
    said = run("backup", "drill").stdout
    assert re.search(r"restored and checked in \d+\.\d s", said)
    result, error = _job("drill")
    assert (result["rows"]["reservations"], error) == (1, None)
    (piece,) = kept.glob(f"*{PIECE}")
    piece.write_bytes(piece.read_bytes()[:-1])
    assert piece.name in run("backup", "drill", ends=1).stderr
    assert piece.name in str(_job("drill")[1])
    plan.prove(line="backup-drilled", target=plan.where(backend), how="seen")


@pytest.mark.both
def test_a_damaged_manifest_is_listed_as_such(stand: Stand, safe: Safe, kept: Path) -> None:
    run("backup", "create")
    (manifest,) = kept.glob("*.json")
    manifest.write_text(manifest.read_text().replace('"rows"', '"Rows"'))
    said = run("backup", "list", ends=1).stdout
    assert f"DAMAGED {manifest.name}: changed since it was written" in said


@pytest.mark.mariadb
def test_a_database_that_could_not_be_filled_is_empty_again(
    stand: Stand, safe: Safe, empty_url: str, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.ask(2)
    run("backup", "create")
    monkeypatch.setattr(restore_to_url, "count_rows", lambda _bind: {"reservations": 7})
    assert "rows were restored" in run("backup", "restore", "--to-url", empty_url, ends=1).stderr
    bind = create_engine(empty_url)
    with bind.connect() as connection:
        assert connection.execute(text("SHOW TABLES")).all() == []
    bind.dispose()


def test_without_a_folder_the_commands_say_so(db: Engine, tmp_path: Path) -> None:
    for words in (
        ("create",),
        ("list",),
        ("drill",),
        ("restore", "--into", str(tmp_path / "x")),
    ):
        assert "BACKUP_STORE is not set" in run("backup", *words, ends=1).stderr
