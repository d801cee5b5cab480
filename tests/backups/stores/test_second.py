"""The second store: a copy of each backup, in a folder or a bucket that may be unavailable."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from models.core.database.transactions import reading
from models.entities.running import JobRun
from tasks import backup_queue
from tasks.backups import retention
from tasks.backups.faults import BackupsOff, PieceDamaged, StoreFailed
from tasks.backups.manifest import MANIFEST, PIECE
from tasks.backups.stores import s3
from tasks.backups.stores.safe import SECOND, Safe, open_safe
from tasks.backups.stores.second import copy_to_second
from tests.backups.conftest import BACKUP_KEY, Hands, made
from tests.deploy.cli.test_cli import run
from tests.queries.evening import play
from tests.services.running import surroundings
from tests.services.running.stand import Stand
from tests.services.servers.seaweed import Seaweed

HOUR = timedelta(hours=1)
Two = dict[str, str]


@pytest.fixture
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of the second store; a folder unless the test is parametrized."""
    asked = getattr(request, "param", "folder")
    return str(request.getfixturevalue("bucket")) if asked == "bucket" else str(tmp_path / "far")


in_folder_and_bucket = pytest.mark.parametrize("where", ["folder", "bucket"], indirect=True)


@pytest.fixture
def two(
    stand: Stand,
    service_env: dict[str, str],
    kept: Path,
    where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Two]:
    """The environment of a restaurant with two stores."""
    values = service_env | {
        "BACKUP_STORE": str(kept),
        "BACKUP_SECOND_STORE": where,
        "BACKUP_KEY": BACKUP_KEY,
    }
    surroundings.settle(monkeypatch, values)
    yield values


def _job(name: str) -> tuple[dict[str, Any] | None, str]:
    """The result of the job's last success, and the error of its last run."""
    with reading() as session:
        found = session.get(JobRun, name)
        assert found is not None
        return found.result, found.last_error or ""


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[random.Random(7).randrange(50, len(content) - 50)] ^= 8
    path.write_bytes(bytes(content))


@pytest.mark.slow
@in_folder_and_bucket
def test_each_backup_lies_in_both_and_comes_back_from_the_second_alone(
    stand: Stand, two: Two, kept: Path, tmp_path: Path, hands: Hands
) -> None:
    play(stand)
    assert "second store: 1 copied" in run("backup", "create").stdout
    hands.move(HOUR)
    backup_queue.make()
    backup_queue.copy()
    far = open_safe(SECOND)
    assert far.store.names() == open_safe().store.names()
    assert _job("second_store")[0] == {"copied": 1, "backups": 2}
    listed = run("backup", "list").stdout
    assert listed.count("first+second") == 2
    for path in kept.iterdir():
        path.unlink()
    kept.rmdir()
    kept.write_text("the disk is gone")
    said = run("backup", "list", ends=1).stdout
    assert f"UNAVAILABLE: the first store: {kept}" in said
    assert (
        "reservations"
        in run("backup", "restore", "--store", "second", "--into", str(tmp_path / "back")).stdout
    )
    assert "restored and checked in" in run("backup", "drill", "--store", "second").stdout


def test_what_the_first_has_lost_stays_in_the_second(two: Two, kept: Path, hands: Hands) -> None:
    first = made(open_safe())
    copy_to_second(open_safe())
    for path in kept.iterdir():
        path.unlink()
    hands.move(HOUR)
    second = made(open_safe())
    copy_to_second(open_safe())
    names = [one.name for one in open_safe(SECOND).catalogue()[0]]
    assert names == [first.name, second.name]


def test_what_is_not_kept_goes_from_both(
    two: Two, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "RULES", ((retention.RULES[0][0], 3),))
    for _ in range(6):
        made(open_safe())
        copy_to_second(open_safe())
        hands.move(HOUR)
    found = open_safe(SECOND).catalogue()[0]
    assert found == open_safe().catalogue()[0]
    assert len(found) == 3


def test_a_piece_that_is_damaged_in_the_first_is_named_and_not_copied(
    two: Two, kept: Path, hands: Hands
) -> None:
    bad = made(open_safe())
    hands.move(HOUR)
    good = made(open_safe())
    _flip(kept / (bad.name + PIECE))
    with pytest.raises(PieceDamaged, match=f"{bad.name}{PIECE}: changed or truncated in {kept}"):
        backup_queue.copy()
    assert open_safe(SECOND).store.names() == [good.name + MANIFEST, good.name + PIECE]
    assert bad.name in _job("second_store")[1]


def test_a_piece_that_the_first_has_lost_is_named(two: Two, kept: Path) -> None:
    name = made(open_safe()).name
    (kept / (name + PIECE)).unlink()
    with pytest.raises(PieceDamaged, match=f"{name}{PIECE}: missing in {kept}"):
        copy_to_second(open_safe())
    assert open_safe(SECOND).store.names() == []


def test_what_lies_beside_the_backups_is_copied_too(two: Two) -> None:
    with open_safe().store.write("log-1.log") as file:
        file.write(b"some of the log")
    copy_to_second(open_safe())
    assert open_safe(SECOND).store.names() == ["log-1.log"]
    assert copy_to_second(open_safe())["copied"] == 0


@in_folder_and_bucket
def test_damaged_in_one_it_is_offered_from_the_other(
    two: Two, kept: Path, tmp_path: Path, hands: Hands
) -> None:
    run("backup", "create")
    (name,) = [one.name for one in open_safe().catalogue()[0]]
    _flip(kept / (name + PIECE))
    target = str(tmp_path / "back")
    said = run("backup", "restore", "--into", target, ends=1).stderr
    assert f"{name}{PIECE}: " in said
    assert "the second store has an undamaged copy: --store second" in said
    said = run("backup", "verify", ends=1).stdout
    assert f"WRONG in the first store: {name}{PIECE}" in said
    assert "2 backups read, 1 damaged" in said
    assert "1 backups read, 0 damaged" in run("backup", "verify", "--store", "second").stdout
    run("backup", "restore", "--store", "second", "--into", target)
    with open_safe(SECOND).store.write(name + PIECE) as file:
        file.write(b"nothing")
    said = run("backup", "restore", "--into", f"{target}-2", ends=1).stderr
    assert f"{name}{PIECE}: " in said
    assert "--store" not in said


def test_a_damaged_manifest_of_the_second_is_copied_again(two: Two, kept: Path) -> None:
    name = made(open_safe()).name
    copy_to_second(open_safe())
    far = open_safe(SECOND)
    with far.store.write(name + MANIFEST) as file:
        file.write(b"{}")
    said = run("backup", "list", ends=1).stdout
    assert f"DAMAGED {name}{MANIFEST}: is not a manifest (in the second store)" in said
    copy_to_second(open_safe())
    run("backup", "list")


@pytest.mark.parametrize("where", ["s3://far/backups?endpoint=http://127.0.0.1:1"])
def test_a_second_store_that_is_away_stops_nothing_and_is_made_up_later(
    two: Two,
    where: str,
    seaweed: Seaweed,
    bucket: str,
    hands: Hands,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(s3, "ATTEMPTS", 1)
    said = run("backup", "create", ends=1)
    assert ": " in said.stdout
    assert "NOT IN THE SECOND STORE: s3://far/backups: Could not connect" in said.stderr
    hands.move(HOUR)
    backup_queue.make()
    with pytest.raises(StoreFailed, match="s3://far/backups: Could not connect"):
        backup_queue.copy()
    assert len(open_safe().catalogue()[0]) == 2
    assert _job("backup")[1] == ""
    assert "store-failed: s3://far/backups" in _job("second_store")[1]
    said = run("backup", "list", ends=1)
    assert "UNAVAILABLE: the second store: s3://far/backups" in said.stdout
    run("backup", "restore", "--into", str(tmp_path / "back"))
    surroundings.settle(monkeypatch, two | {"BACKUP_SECOND_STORE": bucket})  # it is back
    backup_queue.copy()
    assert _job("second_store")[1] == ""
    assert open_safe(SECOND).store.names() == open_safe().store.names()


def test_a_folder_that_is_full_or_not_ours_is_said_in_one_line(
    two: Two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a-file"
    place.write_text("")
    surroundings.settle(monkeypatch, two | {"BACKUP_SECOND_STORE": str(place / "in-it")})
    assert (
        f"NOT IN THE SECOND STORE: {place}/in-it: Not a dir"
        in run("backup", "create", ends=1).stderr
    )


def test_without_a_second_store_it_is_said(safe: Safe, stand: Stand) -> None:
    for words in (("restore", "--store", "second", "--into", "x"), ("drill", "--store", "second")):
        assert "BACKUP_SECOND_STORE is not set" in run("backup", *words, ends=1).stderr
    with pytest.raises(BackupsOff):
        safe.at(SECOND)


@in_folder_and_bucket
def test_the_stores_are_checked_by_name(two: Two, where: str) -> None:
    said = run("backup", "check-store", ends=1 if where.startswith("s3") else 0).stdout
    assert said.count("yes  a file can be written, read and deleted") == 2
    assert ("NO   nothing is locked: BACKUP_LOCK_DAYS is 0" in said) == where.startswith("s3")
