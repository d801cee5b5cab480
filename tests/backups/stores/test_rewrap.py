"""Rotating BACKUP_KEY: every backup stays readable throughout, and the pieces are not rewritten."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from models.core.database.transactions import unit
from models.operations.running.leases import lead
from tasks.backups.faults import PieceDamaged
from tasks.backups.manifest import MANIFEST, PIECE
from tasks.backups.records import JOB
from tasks.backups.stores.rewrap import rewrap_manifests
from tasks.backups.stores.safe import Safe, open_safe
from tasks.backups.stores.store import FolderStore
from tasks.backups.stores.verify import verify
from tests.backups.conftest import BACKUP_KEY, Hands, made
from tests.deploy.cli.test_cli import run
from tests.services.running import surroundings
from tests.services.running.stand import Stand

NEW_KEY = "opens-the-backups-of-the-tests-from-now-on-alone"
Keys = Callable[[str, str], Safe]


@pytest.fixture
def keys(
    safe: Safe,
    stand: Stand,
    service_env: dict[str, str],
    kept: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Keys:
    """`keys(BACKUP_KEY, BACKUP_OLD_KEY)` sets the keys of the installation."""

    def give(new: str, old: str) -> Safe:
        values = {"BACKUP_STORE": str(kept), "BACKUP_KEY": new, "BACKUP_OLD_KEY": old}
        surroundings.settle(monkeypatch, service_env | values)
        return open_safe()

    return give


def _all_open(safe: Safe) -> int:
    """Read every backup to its last byte; return how many there are."""
    found, damaged = safe.catalogue()
    assert damaged == []
    for manifest in found:
        verify(safe, manifest)
    return len(found)


def test_all_backups_go_over_to_the_new_key_and_the_pieces_stay(
    keys: Keys, safe: Safe, kept: Path, tmp_path: Path, hands: Hands
) -> None:
    for _ in range(3):
        made(safe)
        hands.move(timedelta(hours=1))
    pieces = {path.name: path.read_bytes() for path in kept.glob(f"*{PIECE}")}
    stamps = {path.name: path.stat().st_mtime_ns for path in kept.glob(f"*{PIECE}")}
    both = keys(NEW_KEY, BACKUP_KEY)
    assert _all_open(both) == 3
    made(both)  # Maitred makes backups meanwhile
    said = run("backup", "rewrap").stdout
    assert said == f"first store: 3 rewrapped; key {both.key.id}\n"
    assert "first store: 0 rewrapped" in run("backup", "rewrap").stdout
    after = {path.name: path.stat().st_mtime_ns for path in kept.glob(f"*{PIECE}")}
    assert all(after[name] == stamp for name, stamp in stamps.items())
    assert all((kept / name).read_bytes() == content for name, content in pieces.items())
    assert _all_open(keys(NEW_KEY, "")) == 4
    run("backup", "restore", "--into", str(tmp_path / "back"))
    lost = keys(BACKUP_KEY, "")
    assert len(lost.catalogue()[1]) == 4
    with pytest.raises(PieceDamaged, match=f"signed with key {both.key.id}; BACKUP_KEY is"):
        lost.chain()


@pytest.mark.parametrize("dies_at", range(3))
@pytest.mark.parametrize("when", ["before", "half"])
def test_killed_anywhere_every_backup_opens_and_the_next_run_goes_on(
    keys: Keys,
    safe: Safe,
    hands: Hands,
    monkeypatch: pytest.MonkeyPatch,
    dies_at: int,
    when: str,
) -> None:
    for _ in range(3):
        made(safe)
        hands.move(timedelta(hours=1))
    both = keys(NEW_KEY, BACKUP_KEY)
    _die(monkeypatch, dies_at, when)
    with pytest.raises(KeyboardInterrupt):
        rewrap_manifests(both)
    monkeypatch.undo()
    both = keys(NEW_KEY, BACKUP_KEY)
    assert _all_open(both) == 3
    assert rewrap_manifests(both) == (3 - dies_at, [])
    assert _all_open(keys(NEW_KEY, "")) == 3


def _die(patch: pytest.MonkeyPatch, at: int, when: str) -> None:
    """The writer dies before or during the writing of manifest number `at`."""
    write, count = FolderStore.write, 0

    def dying(self: FolderStore, name: str) -> AbstractContextManager[BinaryIO]:
        nonlocal count
        if name.endswith(MANIFEST):
            count += 1
            if count == at + 1 and when == "before":
                raise KeyboardInterrupt
            if count == at + 1 and when == "half":
                with write(self, name) as file:
                    file.write(b'{"manifest": ')
                    raise KeyboardInterrupt
        return write(self, name)

    patch.setattr(FolderStore, "write", dying)


def test_what_no_key_opens_is_named_and_the_rest_goes_over(
    keys: Keys, safe: Safe, kept: Path, hands: Hands
) -> None:
    bad = made(safe).name
    hands.move(timedelta(hours=1))
    made(safe)
    path = kept / (bad + MANIFEST)
    path.write_text(path.read_text().replace('"rows"', '"Rows"'))
    keys(NEW_KEY, BACKUP_KEY)
    said = run("backup", "rewrap", ends=1)
    assert (
        f"NOT CHANGED in the first store: {bad}{MANIFEST}: changed since it was written"
        in said.stderr
    )
    assert "first store: 1 rewrapped" in said.stdout


def test_it_waits_for_a_maker_who_could_let_go_of_what_it_writes(
    keys: Keys, safe: Safe, hands: Hands
) -> None:
    made(safe)
    keys(NEW_KEY, BACKUP_KEY)
    assert unit(lambda session: lead(session, JOB, holder="x", now=hands.now(), seconds=60))
    assert "is being written to" in run("backup", "rewrap", ends=1).stderr


def test_both_stores_go_over(
    keys: Keys,
    safe: Safe,
    service_env: dict[str, str],
    tmp_path: Path,
    kept: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = service_env | {"BACKUP_STORE": str(kept), "BACKUP_SECOND_STORE": str(tmp_path / "far")}
    surroundings.settle(monkeypatch, values | {"BACKUP_KEY": BACKUP_KEY})
    run("backup", "create")
    surroundings.settle(monkeypatch, values | {"BACKUP_KEY": NEW_KEY, "BACKUP_OLD_KEY": BACKUP_KEY})
    assert run("backup", "rewrap").stdout.count(" 1 rewrapped") == 2
    surroundings.settle(monkeypatch, values | {"BACKUP_KEY": NEW_KEY, "BACKUP_OLD_KEY": ""})
    assert "2 backups read, 0 damaged" in run("backup", "verify").stdout
