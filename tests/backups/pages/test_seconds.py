"""A restore leads on from a snapshot to the end of the log, or to a second; or says why not."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from models.core import clock
from models.core import db as core_db
from models.core.db import reading
from models.queries.integrity import findings
from tasks.backups.choose import choose
from tasks.backups.faults import BackupFailed, PieceDamaged, RestoreRefused
from tasks.backups.log import file, follow, replay, ship, watch
from tasks.backups.log.follow import Follower
from tasks.backups.log.pieces import read_piece, spans, write_piece
from tasks.backups.log.prune import prune_log
from tasks.backups.manifest import SQLITE_FILE
from tasks.backups.restore import opened, restore_into
from tasks.backups.safe import Safe
from tests.backups.conftest import made
from tests.backups.log.conftest import PATIENCE
from tests.backups.log.test_replay import came_back, hurt, next_second
from tests.backups.pages.conftest import Ledger, follow_on, rows_in
from tests.backups.test_round_trip import rows_of
from tests.deploy.test_cli import run
from tests.queries.evening import play, send_due
from tests.services.stand import Stand


def test_the_log_leads_to_any_second_and_from_an_older_snapshot_too(
    stand: Stand, safe: Safe, db: Engine, follower: Follower, tmp_path: Path
) -> None:
    follow_on(follower)
    first = made(safe)
    play(stand)
    follow_on(follower)
    newest = made(safe)
    stand.ask(3)
    follow_on(follower)
    between, rows = next_second(), rows_of(db)
    stand.ask(4)
    after = rows_of(db)
    follow_on(follower)
    for number, name in enumerate((first.name, newest.name)):
        place = tmp_path / f"to{number}"
        restored = restore_into(safe, place, name=name, to=between)
        assert came_back(restored, place) == rows
        assert (restored.until, restored.newest.name) == (between, name)
        said = run("restore", "--from", name, "--into", str(tmp_path / f"end{number}")).stdout
        assert "the log: " in said
        with opened(tmp_path / f"end{number}", newest) as bind:
            assert rows_of(bind) == after
            with reading(bind) as session:
                assert findings(session, now=clock.now(), grace_seconds=10**9) == []


def test_the_drill_replays_it_and_the_check_finds_nothing(
    stand: Stand, safe: Safe, follower: Follower, settled: Callable[[str], Safe], tmp_path: Path
) -> None:
    follow_on(follower)
    made(safe)
    stand.ask(2)
    send_due(stand, until=clock.now())
    follow_on(follower)
    said = run("drill").stdout
    assert re.search(r"the log: 0\.[1-9] MB more in .* s\n", said)
    assert "reservations 1" in said
    follower.close()
    url = f"sqlite:///{tmp_path}/new/maitred.db"
    assert "reservations 1" in run("restore", "--to-url", url).stdout
    settled(url)
    run("check")


def test_before_anybody_followed_and_without_the_log_it_is_the_snapshot(
    stand: Stand, safe: Safe, db: Engine, follower: Follower, tmp_path: Path
) -> None:
    early = made(safe)
    assert early.log is None
    follow_on(follower)
    base = made(safe)
    before = rows_of(db)
    stand.ask(2)
    follow_on(follower)
    said = run("restore", "--without-log", "--into", str(tmp_path / "alone")).stdout
    assert "no log was replayed" in said
    with opened(tmp_path / "alone", base) as bind:
        assert rows_of(bind) == before
    with pytest.raises(RestoreRefused, match="stands in no log"):
        choose(safe, name=early.name, to=clock.now())


def test_a_snapshot_that_is_newer_than_the_log_is_never_mixed_with_it(
    safe: Safe,
    ledger: Ledger,
    follower: Follower,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    follow_on(follower)
    place = follower.place
    monkeypatch.setattr(follow, "LOOK_SECONDS", PATIENCE)
    ledger.write(20)
    follower.step()  # stored, and where it ends is not written down
    ledger.write(20)
    base = made(safe)
    assert base.log is not None
    assert place == (base.log.number, base.log.offset) < follower.place
    rows = rows_in(ledger.database)
    ledger.write(20)
    restored = restore_into(safe, tmp_path / "snapshot")
    assert rows_in(tmp_path / "snapshot" / SQLITE_FILE) == rows
    assert restored.until == base.ended
    follower.step()
    restore_into(safe, tmp_path / "all")
    assert rows_in(tmp_path / "all" / SQLITE_FILE) == rows_in(ledger.database)


def test_where_nobody_looked_for_a_while_the_state_is_told_as_it_is(
    stand: Stand, safe: Safe, follower: Follower, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow_on(follower)
    made(safe)
    stand.ask(2)
    follow_on(follower)
    seen = clock.now()
    monkeypatch.setattr(clock, "now", lambda: seen + timedelta(hours=1))
    stand.ask(2)
    follow_on(follower)
    to = (seen + timedelta(minutes=30)).replace(microsecond=0)
    restored = restore_into(safe, tmp_path / "back", to=to)
    assert abs(restored.until - seen) < replay.UNSEEN
    assert restored.examined.rows["reservations"] == 1


def test_what_cannot_be_reached_is_refused_and_says_why(
    stand: Stand, safe: Safe, kept: Path, follower: Follower, tmp_path: Path
) -> None:
    follow_on(follower)
    base = made(safe)
    for _ in range(3):
        stand.ask(2)
        follow_on(follower)
    place = ("--into", str(tmp_path / "back"))
    early = f"{base.began - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    assert "the first backup ended at" in run("restore", "--to", early, *place, ends=1).stderr
    late = run("restore", "--to", "2099-01-01T00:00:00Z", *place, ends=1).stderr
    assert re.search(r"the log ends at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ, before 2099", late)

    _first, second, *_rest, newest = spans(safe.store)
    content = (kept / newest.name).read_bytes()
    hurt(kept / newest.name)
    assert f"{newest.name}: " in run("restore", *place, ends=1).stderr
    (kept / newest.name).write_bytes(content[: len(content) // 2])
    assert f"{newest.name}: " in run("restore", *place, ends=1).stderr
    (kept / newest.name).write_bytes(content)
    (kept / second.name).unlink()
    missing = run("restore", *place, ends=1).stderr
    assert re.search(rf"log-{second.origin}-00000001-{second.start:012d}-\.\.\.: missing", missing)
    assert not (tmp_path / "back").exists()


def test_nothing_in_the_store_can_be_read(
    stand: Stand, safe: Safe, ledger: Ledger, follower: Follower, kept: Path, db: Engine
) -> None:
    follow_on(follower)
    play(stand)
    follow_on(follower)
    assert len(spans(safe.store)) >= 2
    for path in kept.iterdir():
        content = path.read_bytes()
        for word in (b"CREATE TABLE", b"SQLite format 3", b"demo", b"ledger"):
            assert word not in content


def test_two_copies_of_one_number_are_never_taken_for_one(
    stand: Stand, safe: Safe, follower: Follower, tmp_path: Path
) -> None:
    follow_on(follower)
    made(safe)
    stand.ask(2)
    follow_on(follower)
    newest = spans(safe.store)[-1]
    piece, data = read_piece(safe, newest)
    write_piece(safe, newest, data, file="pages-other.00000001", until=piece.until, before=None)
    with pytest.raises(PieceDamaged, match=rf"{newest.name}: is of pages-other\.00000001"):
        restore_into(safe, tmp_path / "back")


def test_files_end_pieces_are_merged_and_old_ones_go(
    stand: Stand,
    safe: Safe,
    ledger: Ledger,
    follower: Follower,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "FILE_BYTES", 400_000)
    monkeypatch.setattr(ship, "MERGE_AT", 6)
    follow_on(follower)
    first = made(safe)
    for _ in range(60):
        ledger.write(5)
        follower.step()
    found = spans(safe.store)
    assert len({span.number for span in found}) > 2
    assert len(found) < 30
    restore_into(safe, tmp_path / "back")
    assert rows_in(tmp_path / "back" / SQLITE_FILE) == rows_in(ledger.database)

    follow_on(follower)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=15))
    newest = made(safe)
    assert newest.log is not None
    assert {span.number for span in spans(safe.store)} == {newest.log.number}
    assert prune_log(safe, [newest]) == []
    follow_on(follower)
    shutil.rmtree(tmp_path / "back")
    restore_into(safe, tmp_path / "back")
    assert rows_in(tmp_path / "back" / SQLITE_FILE) == rows_in(ledger.database)
    with pytest.raises(PieceDamaged, match="missing: the log has a gap"):
        restore_into(safe, tmp_path / "older", name=first.name)


def test_another_life_has_another_log(
    stand: Stand,
    safe: Safe,
    follower: Follower,
    tmp_path: Path,
    settled: Callable[[str], Safe],
) -> None:
    follow_on(follower)
    base = made(safe)
    stand.ask(2)
    follow_on(follower)
    follower.close()
    url = f"sqlite:///{tmp_path}/another/maitred.db"
    run("restore", "--to-url", url)
    there = settled(url)
    other = Follower(there, url, tmp_path / "other")
    follow_on(other)
    again = made(there)
    assert base.log is not None
    assert again.log is not None
    assert again.log.origin != base.log.origin
    rows = rows_of(core_db.engine())
    follow_on(other)
    other.close()
    assert came_back(restore_into(there, tmp_path / "back"), tmp_path / "back") == rows


def test_a_database_that_cannot_be_followed_is_told(
    safe: Safe, db: Engine, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackupFailed, match="no such database"):
        Follower(safe, f"sqlite:///{tmp_path}/nothing.db", spool).step()
    database = str(db.url.database)
    db.dispose()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    follower = Follower(safe, f"sqlite:///{database}", spool)
    monkeypatch.setattr(file, "origin_of", lambda _server_id: "0123456789ab")
    with pytest.raises(BackupFailed, match="keeps no write-ahead log"):
        follower.step()
