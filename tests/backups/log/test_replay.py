"""A restore leads on from a backup to the end of the log, or to a second; or says why it cannot."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep

import pytest
from sqlalchemy import Engine, func, select

from models.core import clock
from models.entities import Reservation
from models.entities.house import JobRun, Lease
from tasks.backups import sources
from tasks.backups.faults import PieceDamaged, RestoreRefused
from tasks.backups.log.follow import Follower
from tasks.backups.log.pieces import spans
from tasks.backups.manifest import MANIFEST, PIECE, Manifest
from tasks.backups.restore import Restored, opened, restore_into
from tasks.backups.safe import Safe
from tests.backups.conftest import made
from tests.backups.log.conftest import catch_up
from tests.backups.test_round_trip import Rows, rows_of
from tests.deploy.test_cli import run
from tests.services.mariadb import MariaDB
from tests.services.stand import Stand

pytestmark = pytest.mark.mariadb


def next_second() -> datetime:
    """Wait for a second of the clock to begin, and name it."""
    now = clock.now()
    begins = now.replace(microsecond=0) + timedelta(seconds=1)
    sleep((begins - now).total_seconds() + 0.01)
    return begins


def came_back(restored: Restored, folder: Path) -> Rows:
    assert restored.examined.problems == ()
    with opened(folder, restored.newest) as bind:
        return rows_of(bind)


@pytest.mark.parametrize("kind", ["full", "incremental", "dump"])
def test_the_log_leads_to_its_end_and_to_any_second(
    stand: Stand,
    safe: Safe,
    db: Engine,
    follower: Follower,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    if kind == "dump":
        monkeypatch.setattr(sources, "_is_readable", lambda _folder: False)
    stand.ask(2)
    base = made(safe)
    if kind == "incremental":
        stand.ask(2)
        base = made(safe)
    assert base.kind == kind
    stand.ask(3)
    between, rows = next_second(), rows_of(db)
    stand.ask(4)
    after = rows_of(db)
    catch_up(follower, db)
    assert came_back(restore_into(safe, tmp_path / "end"), tmp_path / "end") == after
    restored = restore_into(safe, tmp_path / "to", to=between)
    assert came_back(restored, tmp_path / "to") == rows
    assert restored.until == between
