"""The scheduled backup jobs: they run when due, and failures are recorded."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import Engine

from models.core.database.transactions import reading, unit
from models.entities.running import JobRun
from models.operations.running.leases import lead
from tasks import backup_queue
from tasks.backups.faults import PieceDamaged, StoreFailed
from tasks.backups.manifest import PIECE
from tasks.backups.records import JOB, recorded
from tasks.backups.stores.safe import Safe
from tests.backups.conftest import Hands
from tests.services.running.stand import Stand

HOUR = timedelta(hours=1)


def _job(name: str) -> tuple[datetime | None, str]:
    """The time of the job's last success, and the error of its last run."""
    with reading() as session:
        run = session.get(JobRun, name)
        assert run is not None
        return run.last_success, run.last_error or ""


def test_asked_every_few_minutes_one_is_made_an_hour(
    stand: Stand, safe: Safe, hands: Hands
) -> None:
    for _ in range(36):
        backup_queue.make()
        hands.move(timedelta(minutes=5))
    assert len(safe.catalogue()[0]) == 3
    assert _job("backup")[1] == ""


def test_one_that_is_being_made_is_no_failure(stand: Stand, safe: Safe, hands: Hands) -> None:
    backup_queue.make()
    hands.move(HOUR)
    assert unit(lambda session: lead(session, JOB, holder="x", now=hands.now(), seconds=60))
    backup_queue.make()
    assert len(safe.catalogue()[0]) == 1
    hands.move(timedelta(minutes=2))  # its process was killed, and its lease has expired
    backup_queue.make()
    assert len(safe.catalogue()[0]) == 2


def test_a_store_that_is_away_is_written_down_of_each_job(
    stand: Stand, safe: Safe, hands: Hands, kept: Path
) -> None:
    backup_queue.make()
    went_well = _job("backup")[0]
    shutil.rmtree(kept)
    kept.write_text("no folder any more")
    hands.move(HOUR)
    for job, name in ((backup_queue.make, "backup"), (backup_queue.drill, "drill")):
        with pytest.raises(StoreFailed, match=str(kept)):
            job()
        assert f"store-failed: {kept}" in _job(name)[1]
    assert _job("backup")[0] == went_well


def test_a_job_that_ran_out_of_its_time_is_written_down(db: Engine) -> None:
    def endless() -> None:
        raise SoftTimeLimitExceeded

    with pytest.raises(SoftTimeLimitExceeded):
        recorded(JOB, endless, lambda _done: {})
    assert _job("backup")[1] == "it exceeded the time limit of its queue"


def test_a_drill_a_day_and_again_soon_when_it_failed(
    stand: Stand, safe: Safe, hands: Hands, kept: Path
) -> None:
    backup_queue.drill()
    with reading() as session:
        assert session.get(JobRun, "drill") is None
    backup_queue.make()
    backup_queue.drill()
    first = _job("drill")[0]
    hands.move(HOUR)
    backup_queue.drill()
    assert _job("drill")[0] == first
    hands.move(24 * HOUR)
    (piece,) = kept.glob(f"*{PIECE}")
    content = piece.read_bytes()
    piece.write_bytes(content[:-1])
    with pytest.raises(PieceDamaged, match=piece.name):
        backup_queue.drill()
    assert _job("drill")[0] == first
    assert piece.name in _job("drill")[1]
    piece.write_bytes(content)
    backup_queue.drill()
    assert _job("drill")[1] == ""
