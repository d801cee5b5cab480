"""What the server writes is stored: each byte exactly once, whichever process is killed."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine, delete
from sqlalchemy.exc import OperationalError

from models.core import clock
from models.core.database.transactions import reading, unit
from models.entities.running import JobRun, Lease
from models.queries.running.health import read_health
from tasks.backups.databases import tools
from tasks.backups.faults import BackupFailed
from tasks.backups.log import follow, ship
from tasks.backups.log.fetch import fetch_log
from tasks.backups.log.follow import Follower
from tasks.backups.log.pieces import read_piece, spans
from tasks.backups.log.position import LogPosition
from tasks.backups.log.service import Service
from tasks.backups.log.ship import Diverged
from tasks.backups.records import LOG
from tasks.backups.stores.safe import Safe
from tests.backups.conftest import made
from tests.backups.log.conftest import PATIENCE, catch_up, place_of, wait_for
from tests.services.running.stand import Stand
from tests.services.servers.mariadb import MariaDB

#: Flag in the header of a file's first event: the server still writes to it.
_IN_USE = 21


def stored(safe: Safe) -> dict[int, bytes]:
    """Return the stored bytes of each file; asserts that there is no gap and no overlap."""
    files: dict[int, bytes] = {}
    for span in spans(safe.store):
        held = files.setdefault(span.number, b"")
        assert span.start == len(held)
        files[span.number] = held + read_piece(safe, span)[1]
    return files


def written(server: MariaDB, number: int) -> bytes:
    """Return the server's bytes of a file."""
    content = bytearray((server.folder / "data" / f"binlog.{number:06d}").read_bytes())
    content[_IN_USE] = 0
    return bytes(content)


def checkpoints(bind: Engine, file: str) -> set[str]:
    """Return what the checkpoints in that file name; the server writes one when it has time."""
    with bind.connect() as connection:
        events = connection.exec_driver_sql(f"SHOW BINLOG EVENTS IN '{file}'").mappings()
        return {each["Info"] for each in events if each["Event_type"] == "Binlog_checkpoint"}


def assert_all_is_stored(safe: Safe, server: MariaDB, files: list[int]) -> None:
    held = stored(safe)
    assert list(held) == files
    for number in files:
        content = bytearray(held[number])
        content[_IN_USE] = 0
        assert bytes(content) == written(server, number)


@pytest.mark.mariadb
def test_every_byte_is_stored_once_and_a_finished_file_in_one_piece(
    stand: Stand, safe: Safe, db: Engine, server: MariaDB, follower: Follower
) -> None:
    for _ in range(3):
        stand.ask(2)
        catch_up(follower, db)
    assert len(spans(safe.store)) >= 3
    server.run("FLUSH BINARY LOGS")
    stand.ask(2)
    catch_up(follower, db)
    assert_all_is_stored(safe, server, [1, 2])
    first, *_ = spans(safe.store)
    assert (first.number, first.start, first.end) == (1, 0, len(written(server, 1)))


@pytest.mark.mariadb
def test_a_server_that_was_killed_comes_back_and_the_log_goes_on(
    stand: Stand, safe: Safe, db: Engine, server: MariaDB, follower: Follower
) -> None:
    stand.ask(2)
    catch_up(follower, db)
    stand.ask(2)
    server.kill()
    with pytest.raises((BackupFailed, OperationalError)):
        while True:
            follower.step()
    server.start()
    stand.ask(2)
    catch_up(follower, db)
    assert_all_is_stored(safe, server, [1, 2])


@pytest.mark.mariadb
def test_what_a_killed_follower_had_read_is_stored_though_the_server_is_gone(
    stand: Stand, safe: Safe, db: Engine, server: MariaDB, follower: Follower, spool: Path
) -> None:
    catch_up(follower, db)
    held = len(stored(safe)[1])
    stand.ask(2)
    _, wanted = place_of(db)
    (copy,) = spool.glob("*/binlog.000001")
    wait_for(lambda: copy.stat().st_size >= wanted)
    follower.close()  # as SIGKILL leaves it: what was read is in the spool
    server.kill()
    another = Follower(safe, server.url("logged"), spool)
    with pytest.raises(OperationalError):
        another.step()
    assert len(stored(safe)[1]) == wanted > held
    assert list(spool.iterdir()) == []
    server.start()
    db.dispose()
    catch_up(another, db)
    another.close()
    assert_all_is_stored(safe, server, [1, 2])


@pytest.mark.mariadb
def test_two_at_once_with_different_cuts_do_no_harm(
    stand: Stand, safe: Safe, db: Engine, server: MariaDB, follower: Follower, tmp_path: Path
) -> None:
    other = Follower(safe, server.url("logged"), tmp_path / "other")
    for turn in range(6):
        stand.ask(1)
        catch_up((follower, other)[turn % 2], db)
    server.run("FLUSH BINARY LOGS")
    wait_for(lambda: "binlog.000002" in checkpoints(db, "binlog.000002"))
    catch_up(follower, db)
    catch_up(other, db)
    other.close()
    ended = clock.now()
    base = LogPosition(spans(safe.store)[0].origin, "binlog.000001", 4)
    (place := tmp_path / "fetched").mkdir()
    fetched = fetch_log(safe, base, place, since=ended, to=None)
    assert [path.stat().st_size for path in fetched.files] == [
        len(written(server, number)) for number in (1, 2)
    ]


@pytest.mark.mariadb
def test_a_log_that_went_another_way_is_never_mixed_with_the_old_one(
    stand: Stand, safe: Safe, db: Engine, server: MariaDB, follower: Follower
) -> None:
    first = made(safe)
    stand.ask(2)
    catch_up(follower, db)
    follower.close()
    server.forget_log()
    for _ in range(4):
        stand.ask(2)
    with pytest.raises(Diverged):
        catch_up(follower, db)
    catch_up(follower, db)
    assert len({span.origin for span in spans(safe.store)}) == 2
    again = made(safe)
    assert first.log is not None
    assert again.log is not None
    assert first.log.origin != again.log.origin


@pytest.mark.mariadb
def test_a_large_transaction_is_cut_by_bytes_and_small_pieces_are_merged(
    stand: Stand,
    safe: Safe,
    db: Engine,
    server: MariaDB,
    follower: Follower,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ship, "PIECE_BYTES", 100_000)
    monkeypatch.setattr(ship, "MERGE_AT", 12)
    server.run("CREATE TABLE IF NOT EXISTS bulk (a LONGBLOB)", database="logged")
    server.run(
        "INSERT INTO bulk WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 700) SELECT RANDOM_BYTES(1024) FROM n",
        database="logged",
    )
    server.run("DROP TABLE bulk", database="logged")
    for _ in range(12):
        stand.ask(1)
        catch_up(follower, db)
    found = spans(safe.store)
    assert max(span.end - span.start for span in found) <= 100_000
    assert len(found) < 12 + 8
    assert_all_is_stored(safe, server, [1])


@pytest.mark.mariadb
def test_the_process_is_killed_its_copy_ends_and_a_standby_takes_over(
    stand: Stand, safe: Safe, db: Engine, server: MariaDB, spool: Path, kept: Path, tmp_path: Path
) -> None:
    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "follow"],
            env=os.environ | {"LOG_SPOOL": str(spool)},
            stderr=subprocess.DEVNULL,
        )

    def is_stored() -> bool:
        held = spans(safe.store)
        return bool(held) and (held[-1].number, held[-1].end) >= wanted

    leading = start()
    wanted = place_of(db)
    wait_for(is_stored)
    standby = start()
    copies = psutil.Process(leading.pid).children()
    stand.ask(2)
    leading.kill()
    leading.wait()
    assert len(copies) == 1
    psutil.wait_procs(copies, PATIENCE)
    # the lease of a killed process expires; the test does not wait for that
    unit(lambda session: session.execute(delete(Lease).where(Lease.name == LOG)))
    stand.ask(2)
    wanted = place_of(db)
    wait_for(is_stored)
    standby.terminate()
    assert standby.wait(PATIENCE) == 0
    base = LogPosition(spans(safe.store)[0].origin, "binlog.000001", 4)
    (place := tmp_path / "fetched").mkdir()
    fetched = fetch_log(safe, base, place, since=clock.now(), to=None)
    assert sum(path.stat().st_size for path in fetched.files) >= wanted[1]


def told_of(service: Service) -> tuple[datetime | None, str]:
    """The job's record after another pass: its last success and last error."""
    service.turn()
    return last_run()


def last_run() -> tuple[datetime | None, str]:
    """The recorded run of the log job."""
    with reading() as session:
        run = session.get(JobRun, LOG)
        return (run.last_success, str(run.last_error)) if run else (None, "")


@pytest.mark.mariadb
def test_readyz_hears_when_the_log_is_whole_and_when_that_is_long_ago(
    stand: Stand, safe: Safe, db: Engine, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "POLL_SECONDS", 0.0)
    service = Service(follower)
    wait_for(lambda: told_of(service)[0] is not None)
    assert not late()
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(minutes=2))
    assert late()


@pytest.mark.mariadb
@pytest.mark.only_mariadb  # no program of MySQL copies the server's log
def test_a_program_that_is_missing_is_told(
    stand: Stand, safe: Safe, db: Engine, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(tools, "_PLACES", ())
    service = Service(follower)
    wait_for(lambda: "not installed" in told_of(service)[1])


@pytest.mark.mariadb
def test_a_log_that_ends_before_what_is_stored_of_it_is_another_and_no_success(
    stand: Stand,
    safe: Safe,
    db: Engine,
    server: MariaDB,
    follower: Follower,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(follow, "POLL_SECONDS", 0.0)
    for _ in range(3):
        stand.ask(2)
    catch_up(follower, db)
    follower.close()
    server.forget_log()  # like a server that was seeded anew: the first file again, and it is short
    stand.ask(1)
    assert place_of(db) < (1, len(stored(safe)[1]))
    service = Service(follower)
    heard = [last_run()]

    def is_told() -> bool:
        heard.append(told_of(service))
        return "log-diverged" in heard[-1][1]

    wait_for(is_told)
    before = heard[0][0]
    assert {success for success, _error in heard} == {before}
    # it is stored beside the old one, from its first byte
    old = {span.origin for span in spans(safe.store)}
    wait_for(lambda: told_of(service)[0] != before)
    (new,) = {span.origin for span in spans(safe.store)} - old
    assert spans(safe.store, new)[0].start == 0


def late() -> bool:
    with reading() as session:
        return "log" in read_health(session, now=clock.now()).late
