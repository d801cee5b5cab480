"""Round trips of backups: on SQLite, and on MariaDB as files and as SQL."""

import os
import random
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select, text, update
from sqlalchemy.orm import Session

from models.core.database.transactions import Base, transaction
from models.core.errors import StateConflict
from models.entities import Assignment, Reservation, ReservationMove
from models.operations.floor.file import read_restaurant
from models.operations.floor.load import apply_file
from tasks.backups.databases import sources
from tasks.backups.drill import run_drill
from tasks.backups.faults import BackupFailed, BackupsOff, PieceDamaged, RestoreRefused
from tasks.backups.make import is_due
from tasks.backups.manifest import MANIFEST, PIECE, Manifest
from tasks.backups.records import JOB
from tasks.backups.restore import opened, restore_into
from tasks.backups.stores.safe import Safe, open_safe
from tasks.leases import LeaseHolder
from tests.backups.conftest import FIRST_KIND, Hands, back_up, made
from tests.operations.deciding.small import SMALL, a_small_stand, in_one
from tests.queries.evening import check, play
from tests.services import plan
from tests.services.running.stand import NOW, START, Stand
from tests.services.servers.mariadb import MariaDB

HOUR = timedelta(hours=1)
Rows = dict[str, list[tuple[object, ...]]]


def rows_of(bind: Engine) -> Rows:
    """Every row of every table, but for the rows that making a backup writes."""
    left_out = {"leases", "job_runs", "promotions"}
    with bind.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
            if table.name not in left_out
        }


def _came_back(safe: Safe, manifest: Manifest, folder: Path) -> Rows:
    restored = restore_into(safe, folder, name=manifest.name)
    assert restored.examined.problems == ()
    with opened(folder, manifest) as bind:
        return rows_of(bind)


# --- every engine


@pytest.mark.both
def test_a_whole_evening_comes_back(
    stand: Stand, safe: Safe, db: Engine, tmp_path: Path, backend: str
) -> None:
    play(stand)
    before = rows_of(db)
    manifest = made(safe)
    stand.ask(2)
    assert rows_of(db) != before
    assert _came_back(safe, manifest, tmp_path / "back") == before
    assert safe.chain() == [manifest]
    assert manifest.kind == FIRST_KIND[backend]
    assert manifest.rows["reservations"][0] == len(before["reservations"])


@pytest.mark.both
def test_nothing_of_a_guest_is_readable_in_what_is_stored(
    stand: Stand, safe: Safe, kept: Path
) -> None:
    play(stand)
    made(safe)
    for path in kept.iterdir():
        content = path.read_bytes()
        assert b"@example.com" not in content
        assert b"CREATE TABLE" not in content


@pytest.mark.both
def test_a_restore_goes_into_an_empty_place_only(stand: Stand, safe: Safe, tmp_path: Path) -> None:
    made(safe)
    full = tmp_path / "full"
    full.mkdir()
    (full / "theirs").write_text("kept")
    with pytest.raises(RestoreRefused, match="not empty"):
        restore_into(safe, full)
    assert [path.name for path in full.iterdir()] == ["theirs"]


@pytest.mark.both
@pytest.mark.parametrize("hurt", ["flip", "cut", "gone", "manifest"])
def test_a_damaged_piece_is_named_and_nothing_is_left(
    stand: Stand, safe: Safe, kept: Path, tmp_path: Path, hurt: str, backend: str
) -> None:
    manifest = made(safe)
    piece = manifest.name + (MANIFEST if hurt == "manifest" else PIECE)
    path = kept / piece
    content = path.read_bytes()
    if hurt == "gone":
        path.unlink()
    elif hurt == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        place = random.Random(5).randrange(200, len(content) - 200)
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
    target = tmp_path / "new" / "back"
    with pytest.raises(PieceDamaged, match=piece.replace(".", r"\.")):
        restore_into(safe, target)
    assert not target.exists()
    assert not target.parent.exists() or list(target.parent.iterdir()) == []
    plan.prove(
        line="backup-verified",
        target=plan.where(backend),
        how="seen",
        figure=f"{hurt}: named, nothing handed over",
    )


@pytest.mark.both
def test_what_is_not_in_order_is_not_handed_over(
    stand: Stand, safe: Safe, db: Engine, tmp_path: Path
) -> None:
    number = stand.ask(2)
    with transaction(db) as session:
        session.execute(update(Reservation).where(Reservation.id == number).values(party_size=40))
    manifest = made(safe)
    target = tmp_path / "new" / "back"
    with pytest.raises(RestoreRefused, match=str(number)):
        restore_into(safe, target)
    assert list(target.parent.iterdir()) == []
    restored = restore_into(safe, target, name=manifest.name, despite_findings=True)
    assert restored.examined.problems
    assert target.exists()


@pytest.mark.both
@pytest.mark.slow
def test_a_party_that_a_changed_file_left_behind_stops_no_restore(
    db: Engine, safe: Safe, hands: Hands, tmp_path: Path
) -> None:
    hands.move(NOW - hands.now())
    stand = a_small_stand(db)
    left = stand.ask(2)
    closed = read_restaurant(f"{SMALL}\n[[closures]]\ndate = {START:%Y-%m-%d}\n")
    in_one(lambda session: apply_file(session, closed, now=NOW, move=True))
    assert [(each.rule, each.ids) for each in check(stand, now=NOW)] == [("misfit", (left,))]
    assert restore_into(safe, tmp_path / "back", name=made(safe).name).examined.problems == ()
    # a row decided by a newer file than the current one is an error
    later = {"decided_at": NOW + 2 * HOUR}
    with transaction(db) as session:
        session.execute(update(Reservation).where(Reservation.id == left).values(later))
    with pytest.raises(RestoreRefused, match=f"misfit: reservation {left}"):
        restore_into(safe, tmp_path / "other", name=made(safe).name)


@pytest.mark.slow
@pytest.mark.both
def test_a_large_database_is_handed_over_when_what_guests_need_is_proved(
    stand: Stand, safe: Safe, db: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = stand.ask(2)
    of_it = ReservationMove.reservation_id == number
    with transaction(db) as session:
        session.execute(update(ReservationMove).where(of_it).values(reason="nonsense"))
    made(safe)
    with pytest.raises(RestoreRefused, match="nonsense"):
        restore_into(safe, tmp_path / "small")
    monkeypatch.setattr("tasks.backups.examine.WHOLE_UP_TO", 0)
    examined = restore_into(safe, tmp_path / "large").examined
    assert (examined.problems, examined.is_whole) == ((), False)
    with pytest.raises(RestoreRefused, match="nonsense"):
        run_drill(safe)
    with transaction(db) as session:
        session.execute(delete(Assignment).where(Assignment.reservation_id == number))
    made(safe)
    with pytest.raises(RestoreRefused, match="no-table"):
        restore_into(safe, tmp_path / "without a table")


@pytest.mark.both
def test_two_at_once_cannot_run(stand: Stand, safe: Safe, kept: Path, hands: Hands) -> None:
    other = LeaseHolder(JOB, seconds=60)
    assert other.take()
    with pytest.raises(StateConflict, match="already being made"):
        back_up(safe)
    assert list(kept.iterdir()) == []
    other.release()
    assert back_up(safe) is not None


# --- when one is due


def test_one_an_hour_and_a_missed_hour_is_made_up(stand: Stand, safe: Safe, hands: Hands) -> None:
    assert is_due(None, now=hands.now())
    first = back_up(safe, only_if_due=True)
    assert first is not None
    assert back_up(safe, only_if_due=True) is None
    hands.move(HOUR)
    assert back_up(safe, only_if_due=True) is not None
    hands.move(7 * HOUR)
    assert back_up(safe, only_if_due=True) is not None
    assert back_up(safe, only_if_due=True) is None
    assert len(safe.catalogue()[0]) == 3
    plan.prove(
        line="backup-full", target="embedded", how="seen", figure="each hour, a missed one made up"
    )


def test_old_backups_go_and_a_draft_of_a_killed_maker_too(
    stand: Stand, safe: Safe, hands: Hands, kept: Path
) -> None:
    first = made(safe)
    draft = kept / ".draft-20260101T000000Z-full-aa.sealed.12"
    draft.write_bytes(b"half")
    os.utime(draft, (0, 0))
    (kept / "20260101T000000Z-full-aa.sealed").write_bytes(b"whole, and never listed")
    for _ in range(50):
        hands.move(HOUR)
        made(safe)
    names = {path.name for path in kept.iterdir()}
    assert first.name + MANIFEST not in names
    assert first.name + PIECE not in names
    assert len(names) == 2 * len(safe.catalogue()[0])
    assert len(safe.catalogue()[0]) < 51


# --- MariaDB


@pytest.mark.mariadb
@pytest.mark.only_mariadb
@pytest.mark.slow
def test_an_incremental_chain_comes_back_at_each_of_its_steps(
    stand: Stand, safe: Safe, db: Engine, tmp_path: Path, hands: Hands
) -> None:
    steps: list[tuple[Manifest, Rows]] = []
    for _ in range(3):
        stand.ask(2)
        steps.append((made(safe), rows_of(db)))
        hands.move(HOUR)
    assert [one.kind for one, _ in steps] == ["full", "incremental", "incremental"]
    full, change = steps[0][0].seal, steps[1][0].seal
    assert change.plain_size < full.plain_size
    for number, (manifest, rows) in enumerate(steps):
        assert _came_back(safe, manifest, tmp_path / f"back{number}") == rows
    plan.prove(
        line="backup-log", target="hosts", how="seen", figure="incremental, each step restored"
    )


@pytest.mark.mariadb
def test_a_damaged_change_names_itself_and_the_step_before_comes_back(
    stand: Stand, safe: Safe, db: Engine, tmp_path: Path, kept: Path, hands: Hands
) -> None:
    first, rows = made(safe), rows_of(db)
    hands.move(HOUR)
    stand.ask(2)
    second = made(safe)
    path = kept / (second.name + PIECE)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(PieceDamaged, match=second.name):
        restore_into(safe, tmp_path / "back")
    assert _came_back(safe, first, tmp_path / "back") == rows


@pytest.mark.slow
@pytest.mark.mariadb
@pytest.mark.only_mariadb
def test_each_night_and_after_a_restore_a_full_one_is_made(
    stand: Stand, safe: Safe, db: Engine, hands: Hands
) -> None:
    assert made(safe).kind == "full"
    assert made(safe).kind == "incremental"
    assert made(safe, full=True).kind == "full"
    hands.move(24 * HOUR)
    assert made(safe).kind == "full"
    assert made(safe).kind == "incremental"
    with transaction(db) as session:  # like a database restored from before that
        session.execute(text("UPDATE job_runs SET result = NULL WHERE name = 'backup'"))
    assert made(safe).kind == "full"
    plan.prove(
        line="backup-full", target="hosts", how="seen", figure="each night, and after a restore"
    )


@pytest.mark.mariadb
def test_a_dump_comes_back_through_a_connection_alone(
    stand: Stand,
    safe: Safe,
    db: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play(stand)
    before = rows_of(db)
    monkeypatch.setattr(sources, "_is_readable", lambda _folder: False)
    manifest = made(safe)
    assert manifest.kind == "dump"
    assert _came_back(safe, manifest, tmp_path / "back") == before


@pytest.fixture
def weak(mariadb: MariaDB) -> Iterator[str]:
    """An account with few privileges and special characters in its password."""
    mariadb.run(
        "CREATE OR REPLACE USER 'weak'@'127.0.0.1' IDENTIFIED BY 'a#\"b\\\\c; d'",
        "GRANT SELECT ON tests.* TO 'weak'@'127.0.0.1'",
    )
    yield f"mysql+mysqldb://weak:a%23%22b%5Cc%3B%20d@127.0.0.1:{mariadb.port}/tests"
    mariadb.run("DROP USER 'weak'@'127.0.0.1'")


@pytest.mark.mariadb
@pytest.mark.only_mariadb
def test_the_method_is_what_the_account_allows(stand: Stand, weak: str, db: Engine) -> None:
    url = db.url.render_as_string(hide_password=False)
    assert sources.choose_source(url, method="auto").kind == "full"
    assert sources.choose_source(url, method="dump").kind == "dump"
    dump = sources.choose_source(weak, method="auto")
    assert dump.kind == "dump"
    with dump.stream(0) as stream:
        assert b"CREATE TABLE `reservations`" in stream.read()
    with pytest.raises(BackupFailed, match="the account lacks PROCESS, RELOAD"):
        sources.choose_source(weak, method="physical")


@pytest.mark.mariadb
@pytest.mark.only_mariadb
def test_a_tool_that_fails_is_told_and_leaves_nothing(
    stand: Stand, safe: Safe, kept: Path, monkeypatch: pytest.MonkeyPatch, db: Engine
) -> None:
    monkeypatch.setattr(sources, "_LOG_COPY_MS", "nonsense --no-such-option")
    monkeypatch.setattr(sources.ServerFiles, "position", lambda _self: 1)
    with pytest.raises(BackupFailed, match="mariadb-backup failed"):
        back_up(safe)
    assert list(kept.iterdir()) == []
    with Session(db) as session:
        said = session.execute(text("SELECT last_error FROM job_runs WHERE name = 'backup'"))
        assert "backup-failed: mariadb-backup failed" in said.scalar_one()


# --- settings


def test_without_a_folder_there_are_no_backups(db: Engine) -> None:
    with pytest.raises(BackupsOff, match="BACKUP_STORE is not set"):
        open_safe()


def test_a_store_of_another_key_is_not_opened_in_part(
    stand: Stand, safe: Safe, kept: Path, tmp_path: Path, hands: Hands
) -> None:
    manifest = made(safe)
    shutil.copy(kept / (manifest.name + PIECE), kept / "20260101T000000Z-full-aa.sealed")
    text_of = (kept / (manifest.name + MANIFEST)).read_text()
    (kept / (manifest.name + MANIFEST)).write_text(text_of.replace(safe.key.id, "0" * 12))
    with pytest.raises(PieceDamaged, match=f"signed with key 0+; BACKUP_KEY is {safe.key.id}"):
        restore_into(safe, tmp_path / "back")
