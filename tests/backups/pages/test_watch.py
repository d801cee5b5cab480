"""What a SQLite house commits is in the log within seconds, whatever is killed meanwhile."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import Engine, delete

from models.core.db import reading, unit
from models.entities.house import JobRun, Lease
from tasks.backups.faults import BackupFailed
from tasks.backups.log import service, watch
from tasks.backups.log.follow import Follower
from tasks.backups.log.pieces import spans
from tasks.backups.log.service import Service
from tasks.backups.log.service import follow as follow_log
from tasks.backups.manifest import SQLITE_FILE
from tasks.backups.records import LOG
from tasks.backups.restore import restore_into
from tasks.backups.safe import Safe
from tests.backups.conftest import made
from tests.backups.log.conftest import PATIENCE, wait_for
from tests.backups.pages.conftest import Ledger, follow_on, rows_in
from tests.deploy.test_cli import run
from tests.services.stand import Stand

#: What an evening may lose.
RECOVERY_POINT_SECONDS = 5
UNDER_LOAD_SECONDS = 8


@contextmanager
def following(spool: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`maitred follow`; killed at the end of the block."""
    # the lease of one that was killed ends by itself; not waited for here
    unit(lambda session: session.execute(delete(Lease).where(Lease.name == LOG)))
    with subprocess.Popen(
        [sys.executable, "-m", "deploy.cli", "follow"],
        env=os.environ | {"LOG_SPOOL": str(spool)},
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def recorded_at() -> datetime | None:
    with reading() as session:
        run = session.get(JobRun, LOG)
        return run.last_success if run else None


def numbers(database: Path) -> int:
    """How many rows came back; they must be the first ones, with none left out."""
    found = [number for number, _at, _filler in rows_in(database)]
    assert found == list(range(1, len(found) + 1))
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return len(found)


def test_all_is_killed_under_load_and_next_to_nothing_is_lost(
    stand: Stand, safe: Safe, ledger: Ledger, spool: Path, tmp_path: Path
) -> None:
    with ledger.writing(), following(spool):
        wait_for(lambda: recorded_at() is not None)
        made(safe)
        began = datetime.now(UTC)
        sleep(UNDER_LOAD_SECONDS)
    shutil.rmtree(spool)  # the machine is gone
    told = ledger.told()
    restore_into(safe, tmp_path / "back")
    back = numbers(tmp_path / "back" / SQLITE_FILE)
    lost = [at for number, at in told if number > back]
    assert not lost or told[-1][1] - lost[0] < RECOVERY_POINT_SECONDS

    for seconds in (3, 6):
        to = (began + timedelta(seconds=seconds)).replace(microsecond=0)
        place = tmp_path / f"to{seconds}"
        said = run("restore", "--to", f"{to:%Y-%m-%dT%H:%M:%SZ}", "--into", str(place)).stdout
        assert f"this is the state of {to:%Y-%m-%dT%H:%M:%SZ}" in said
        back = numbers(place / SQLITE_FILE)
        # nothing of what came later; and all of before, but for the moment since the last look
        assert all(at < to.timestamp() for _number, at, _f in rows_in(place / SQLITE_FILE))
        assert all(
            number <= back for number, at in told if at < to.timestamp() - RECOVERY_POINT_SECONDS
        )


def test_writers_are_killed_anywhere_and_the_log_leads_to_what_they_left(
    stand: Stand, safe: Safe, ledger: Ledger, follower: Follower, tmp_path: Path
) -> None:
    follow_on(follower)
    made(safe)
    for turn in range(12):
        with ledger.writing(pause=0):
            ends = monotonic() + 0.3 + turn / 50
            while monotonic() < ends:
                follower.step()
        if turn % 4 == 3:
            ledger.write()
    follow_on(follower)
    assert len(ledger.told()) > 50
    restore_into(safe, tmp_path / "back")
    assert rows_in(tmp_path / "back" / SQLITE_FILE) == rows_in(ledger.database)


def test_followers_are_killed_anywhere_and_the_next_one_goes_on(
    stand: Stand, safe: Safe, ledger: Ledger, spool: Path, follower: Follower, tmp_path: Path
) -> None:
    follow_on(follower)
    made(safe)
    follower.close()
    with ledger.writing():
        for turn in range(3):
            with following(spool):
                known = len(spans(safe.store))
                wait_for(lambda known=known: len(spans(safe.store)) > known)  # type: ignore[misc]
                sleep(0.3 * turn)
    follow_on(follower)
    restore_into(safe, tmp_path / "back")
    assert rows_in(tmp_path / "back" / SQLITE_FILE) == rows_in(ledger.database)
    assert numbers(tmp_path / "back" / SQLITE_FILE) > 50


def test_a_house_that_was_closed_and_opened_again_goes_on_in_the_same_log(
    stand: Stand, safe: Safe, ledger: Ledger, follower: Follower, db: Engine, tmp_path: Path
) -> None:
    follow_on(follower)
    base = made(safe)
    for _ in range(3):
        ledger.write(3)
        follow_on(follower)
        ledger.write(3)
        follower.close()
        db.dispose()
        ledger.write(3)
    follow_on(follower)
    assert base.log is not None
    assert {span.origin for span in spans(safe.store)} == {base.log.origin}
    restore_into(safe, tmp_path / "back")
    assert rows_in(tmp_path / "back" / SQLITE_FILE) == rows_in(ledger.database)


def test_the_write_ahead_log_stays_small_though_somebody_reads_it_all_the_time(
    stand: Stand,
    safe: Safe,
    ledger: Ledger,
    follower: Follower,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "WAL_FRAMES", 200)
    follow_on(follower)
    made(safe)
    wal = Path(f"{ledger.database}-wal")
    with ledger.writing(pause=0.001):
        wait_for(lambda: bool(follower.step()) and len(ledger.told()) > 1500)
    assert wal.stat().st_size < 12_000_000
    follow_on(follower)
    restore_into(safe, tmp_path / "back")
    assert rows_in(tmp_path / "back" / SQLITE_FILE) == rows_in(ledger.database)


def test_of_two_one_works_and_the_other_takes_over(
    stand: Stand, safe: Safe, ledger: Ledger, follower: Follower, tmp_path: Path
) -> None:
    second = Follower(safe, f"sqlite:///{ledger.database}", tmp_path / "other")
    one, two = Service(follower), Service(second)
    stop = threading.Event()
    for _ in range(3):
        one.turn()
        two.turn()
    assert follower.place > (0, 0) == second.place
    made(safe)
    ledger.write(3)
    one.turn()
    stop.set()
    one.run(stop)  # told to stop, it lets the next one in
    two._renewed = -PATIENCE
    ledger.write(3)
    two.turn()
    assert second.place > (1, 0)
    second.close()
    restore_into(safe, tmp_path / "back")
    assert rows_in(tmp_path / "back" / SQLITE_FILE) == rows_in(ledger.database)


def test_what_was_read_and_not_stored_is_stored_by_the_next(
    stand: Stand,
    safe: Safe,
    ledger: Ledger,
    follower: Follower,
    spool: Path,
    kept: Path,
    tmp_path: Path,
) -> None:
    follow_on(follower)
    made(safe)
    ledger.write(5)
    away = kept.rename(tmp_path / "away")
    kept.write_text("no folder")
    with pytest.raises(Exception, match="kept"):
        follower.step()
    kept.unlink()
    away.rename(kept)
    held = rows_in(ledger.database)
    follower.close()  # as SIGKILL leaves it
    shutil.copy(ledger.database, tmp_path / "old.db")
    for path in ledger.database.parent.glob(f"{ledger.database.name}*"):
        path.rename(tmp_path / f"gone-{path.name}")
    another = Follower(safe, f"sqlite:///{ledger.database}", spool)
    with pytest.raises(BackupFailed, match="no such database"):
        another.step()
    assert list(spool.iterdir()) == []
    restore_into(safe, tmp_path / "back")
    assert rows_in(tmp_path / "back" / SQLITE_FILE) == held


def test_another_file_in_its_place_is_noticed(
    stand: Stand, safe: Safe, ledger: Ledger, follower: Follower, tmp_path: Path, db: Engine
) -> None:
    follow_on(follower)
    made(safe)
    ledger.write(3)
    follow_on(follower)
    restore_into(safe, tmp_path / "back")
    db.dispose()
    (tmp_path / "back" / SQLITE_FILE).replace(ledger.database)
    for end in ("-wal", "-shm"):
        Path(f"{ledger.database}{end}").unlink(missing_ok=True)
    with pytest.raises(BackupFailed, match="is another file now"):
        follower.step()
    follow_on(follower)
    assert len({span.origin for span in spans(safe.store)}) == 2


def test_where_no_store_is_set_the_process_waits_quietly(
    db: Engine, house_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "open_safe", lambda: pytest.fail("nothing is to be opened"))
    stop = threading.Event()
    thread = threading.Thread(target=follow_log, args=(stop,))
    thread.start()
    sleep(0.2)
    assert thread.is_alive()
    stop.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
