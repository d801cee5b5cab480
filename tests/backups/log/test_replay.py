"""A restore continues from a backup to the end of the log or to a given second, or says why not."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from time import sleep

import pytest
from sqlalchemy import Engine, text

from models.core import clock
from models.core.database import transactions as core_db
from models.core.database.transactions import make_engine
from tasks.backups.databases import sources
from tasks.backups.faults import PieceDamaged
from tasks.backups.log.follow import Follower
from tasks.backups.log.pieces import spans
from tasks.backups.manifest import MANIFEST, PIECE
from tasks.backups.restore import Restored, opened, restore_into
from tasks.backups.stores.safe import Safe
from tests.backups.conftest import made
from tests.backups.log.conftest import catch_up
from tests.backups.recovery.test_recovery_page import page_commands
from tests.backups.recovery.test_round_trip import Rows, rows_of
from tests.deploy.cli.test_cli import run
from tests.services import plan
from tests.services.running.stand import Stand
from tests.services.servers.mariadb import MariaDB

pytestmark = pytest.mark.mariadb


def next_second() -> datetime:
    """Wait for the next second of the clock, and return it."""
    now = clock.now()
    begins = now.replace(microsecond=0) + timedelta(seconds=1)
    sleep((begins - now).total_seconds() + 0.01)
    return begins


def came_back(restored: Restored, folder: Path) -> Rows:
    assert restored.examined.problems == ()
    with opened(folder, restored.newest) as bind:
        return rows_of(bind)


def hurt(path: Path) -> None:
    """Flip one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.only_mariadb  # a MariaDB backup copies files, and the log of changes since
@pytest.mark.slow
def test_the_log_leads_to_any_second_and_around_a_damaged_incremental(
    stand: Stand, safe: Safe, db: Engine, kept: Path, follower: Follower, tmp_path: Path
) -> None:
    first = made(safe)
    stand.ask(2)
    newest = made(safe)
    assert newest.kind == "incremental"
    stand.ask(3)
    between, rows = next_second(), rows_of(db)
    stand.ask(4)
    after = rows_of(db)
    catch_up(follower, db)
    restored = restore_into(safe, tmp_path / "to", to=between)
    assert came_back(restored, tmp_path / "to") == rows
    assert (restored.until, restored.newest) == (between, newest)

    hurt(kept / (newest.name + PIECE))
    way = rf"{newest.name}\.sealed: .*`--from {first.name}` and the log restore the state at 20"
    with pytest.raises(PieceDamaged, match=way):
        restore_into(safe, tmp_path / "back")
    said = run("backup", "restore", "--from", first.name, "--into", str(tmp_path / "back")).stdout
    assert f"{first.name}: 1 backups" in said
    with opened(tmp_path / "back", first) as bind:
        assert rows_of(bind) == after
    hurt(kept / (newest.name + MANIFEST))
    with pytest.raises(PieceDamaged, match=f"--from {first.name}"):
        restore_into(safe, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_the_page_brings_back_what_was_a_second_before(
    stand: Stand, safe: Safe, db: Engine, follower: Follower, server: MariaDB
) -> None:
    made(safe)
    stand.ask(3)
    before, rows = next_second(), rows_of(db)
    with db.begin() as connection:
        connection.execute(text("DELETE FROM messages"))
    catch_up(follower, db)
    (command,) = next(one for one in page_commands() if "--to " in one[0])
    beside = server.new_database("beside")
    words = command.replace("2026-11-20T19:42:10Z", f"{before:%Y-%m-%dT%H:%M:%SZ}")
    said = run(*words.replace("URL", beside).split()).stdout
    assert f"this is the state of {before:%Y-%m-%dT%H:%M:%SZ}" in said
    bind = make_engine(beside, pool_size=1)
    assert rows_of(bind) == rows
    bind.dispose()
    plan.prove(
        line="backup-log", target="hosts", how="seen", figure="to the second before a deletion"
    )


@pytest.mark.slow
def test_the_log_leads_on_from_a_dump(
    stand: Stand,
    safe: Safe,
    db: Engine,
    follower: Follower,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "_is_readable", lambda _folder: False)
    assert made(safe).kind == "dump"
    stand.ask(3)
    catch_up(follower, db)
    restored = restore_into(safe, tmp_path / "end")
    assert came_back(restored, tmp_path / "end") == rows_of(db)


def test_what_cannot_be_reached_is_refused_and_says_why(
    stand: Stand, safe: Safe, db: Engine, kept: Path, follower: Follower, tmp_path: Path
) -> None:
    base = made(safe)
    stand.ask(2)
    catch_up(follower, db)
    place = ("--into", str(tmp_path / "back"))
    before = f"{base.began - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    early = run("backup", "restore", "--to", before, *place, ends=1)
    assert f"the first backup ended at {base.ended:%Y-%m-%dT%H:%M:%SZ}" in early.stderr
    late = run("backup", "restore", "--to", "2099-01-01T00:00:00Z", *place, ends=1)
    assert re.search(r"the log ends at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ, before 2099", late.stderr)
    for odd in ("yesterday", "2026-11-20T19:42:10", "2026-11-20T19:42:10.5Z"):
        said = run("backup", "restore", "--to", odd, *place, ends=2)
        assert "2026-11-20T19:42:10Z" in said.stderr
    assert (
        "--to needs the log"
        in run(
            "backup", "restore", "--to", "2099-01-01T00:00:00Z", "--without-log", *place, ends=2
        ).stderr
    )
    newest = spans(safe.store)[-1]
    hurt(kept / newest.name)
    assert f"{newest.name}: " in run("backup", "restore", *place, ends=1).stderr
    for span in spans(safe.store):
        (kept / span.name).unlink()
    said = run("backup", "restore", *place, ends=1)
    assert re.search(rf"log-{newest.origin}-\d+-\d+-\.\.\.: missing", said.stderr)
    assert not (tmp_path / "back").exists()
    alone = run("backup", "restore", "--without-log", *place).stdout
    assert "no log was replayed" in alone
    assert f"this is the state of {base.ended:%Y-%m-%dT%H:%M:%SZ}" in alone


@pytest.mark.slow
def test_what_was_restored_lives_another_life(
    stand: Stand,
    safe: Safe,
    db: Engine,
    server: MariaDB,
    follower: Follower,
    tmp_path: Path,
    settled: Callable[[str], Safe],
) -> None:
    base = made(safe)
    stand.ask(2)
    between, rows = next_second(), rows_of(db)
    stand.ask(2)
    catch_up(follower, db)
    follower.close()
    url = server.new_database("another")
    to = f"{between:%Y-%m-%dT%H:%M:%SZ}"
    said = run("backup", "restore", "--to", to, "--to-url", url).stdout
    assert said.splitlines()[2] == f"this is the state of {to}"
    there = settled(url)
    assert rows_of(core_db.engine()) == rows
    again = made(there)
    assert again.parent is None
    assert base.log is not None
    assert again.log is not None
    assert again.log.origin != base.log.origin
    other = Follower(there, url, tmp_path / "other")
    catch_up(other, core_db.engine())
    other.close()
    assert {span.origin for span in spans(safe.store)} == {base.log.origin, again.log.origin}
