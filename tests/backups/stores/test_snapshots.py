"""SQLite: a snapshot per minute while rows change; a restore uses the nearest one."""

import re
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from deploy.cli.recovery.backups import restore
from models.core.database.transactions import unit
from models.core.settings import settings
from models.operations.running.jobs import record_job
from tasks import backup_queue
from tasks.backups.databases.snapshot import BOOKKEEPING, content_of
from tasks.backups.log.position import as_text
from tasks.backups.manifest import SQLITE_FILE
from tasks.backups.restore import restore_into
from tasks.backups.stores.safe import Safe
from tests.backups.conftest import Hands
from tests.services import plan
from tests.services.running.stand import Stand

MINUTE = timedelta(minutes=1)


@pytest.fixture
def backend() -> str:
    return "sqlite"


def _names(safe: Safe) -> list[str]:
    return [one.name for one in safe.catalogue()[0]]


def test_a_snapshot_is_made_each_minute_in_which_something_changed(
    stand: Stand, safe: Safe, hands: Hands
) -> None:
    backup_queue.make()
    for minute in range(1, 7):
        if minute in (2, 5):
            stand.ask()
        hands.move(MINUTE)
        backup_queue.make()
    assert len(_names(safe)) == 3
    for line in ("recovery-point", "backup-log"):
        plan.prove(line=line, target="embedded", how="seen", figure="a snapshot each minute")


def test_one_is_made_each_hour_though_nothing_changed(
    stand: Stand, safe: Safe, hands: Hands
) -> None:
    backup_queue.make()
    hands.move(timedelta(minutes=58))
    backup_queue.make()
    assert len(_names(safe)) == 2


def test_what_the_jobs_write_down_of_themselves_is_no_change(
    stand: Stand, safe: Safe, hands: Hands
) -> None:
    backup_queue.make()
    now = hands.now()
    unit(lambda session: record_job(session, "sweep", started=now, ended=now, result={"n": 1}))
    hands.move(MINUTE)
    backup_queue.make()
    assert len(_names(safe)) == 1


def test_the_nearest_snapshot_before_a_second_comes_back(
    stand: Stand, safe: Safe, hands: Hands, tmp_path: Path
) -> None:
    backup_queue.make()
    first = hands.now()
    hands.move(MINUTE)
    stand.ask()
    backup_queue.make()
    wanted = first.replace(microsecond=0) + timedelta(seconds=42)
    done = restore_into(safe, tmp_path / "then", to=wanted)
    assert done.newest.name == _names(safe)[0]
    assert done.examined.rows["reservations"] == 0
    assert restore_into(safe, tmp_path / "now").examined.rows["reservations"] == 1

    said = CliRunner().invoke(restore, ["--into", str(tmp_path / "cli"), "--to", as_text(wanted)])
    assert said.exit_code == 0, said.output
    assert re.search(rf"the nearest snapshot is 4\d s before {as_text(wanted)}", said.output)
    assert (tmp_path / "cli" / SQLITE_FILE).exists()


def test_nothing_checkpoints_the_live_file(stand: Stand, safe: Safe, hands: Hands) -> None:
    """A backup reads the live database without checkpointing; that is left to the writers."""
    stand.ask()
    live = Path(make_url(settings().database_url).database or "")
    log = live.with_name(live.name + "-wal")
    before = log.read_bytes()
    assert before
    backup_queue.make()
    assert log.read_bytes()[: len(before)] == before


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "one.db"
    with sqlite3.connect(path) as connection:
        for table in ("kept", *BOOKKEEPING):
            connection.execute(f"CREATE TABLE {table} (a TEXT)")
            connection.execute(f"CREATE INDEX i_{table} ON {table} (a)")
    return path


def _write(file: Path, statement: str) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute(statement)


def test_the_digest_tells_a_row_from_bookkeeping(file: Path) -> None:
    empty = content_of(file)
    for table in BOOKKEEPING:
        _write(file, f"INSERT INTO {table} VALUES ('x')")
    assert content_of(file) == empty
    _write(file, "INSERT INTO kept VALUES ('x')")
    one = content_of(file)
    assert one != empty
    _write(file, "UPDATE kept SET a = 'y'")
    assert content_of(file) != one
