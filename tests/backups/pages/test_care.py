"""The pieces of a log are verified and go over to another BACKUP_KEY, as all that is stored."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from tasks.backups.faults import PieceDamaged
from tasks.backups.log.follow import Follower
from tasks.backups.log.pieces import PREFIX, Span, read_piece, spans
from tasks.backups.manifest import SQLITE_FILE
from tasks.backups.restore import restore_into
from tasks.backups.rewrap import rewrap_log
from tasks.backups.safe import Safe, open_safe
from tasks.backups.store import FolderStore
from tests.backups.conftest import BACKUP_KEY, made
from tests.backups.log.test_replay import hurt
from tests.backups.pages.conftest import Ledger, follow_on, rows_in
from tests.deploy.test_cli import run
from tests.services import surroundings

NEW_KEY = "opens-the-log-of-the-tests-from-now-on-all-alone"
Keys = Callable[[str, str], Safe]


@pytest.fixture
def keys(
    safe: Safe, house_env: dict[str, str], kept: Path, monkeypatch: pytest.MonkeyPatch
) -> Keys:
    """`keys(BACKUP_KEY, BACKUP_OLD_KEY)` gives the house these."""

    def give(new: str, old: str) -> Safe:
        values = {"BACKUP_STORE": str(kept), "BACKUP_KEY": new, "BACKUP_OLD_KEY": old}
        surroundings.settle(monkeypatch, house_env | values)
        return open_safe()

    return give


@pytest.fixture
def pieces(safe: Safe, ledger: Ledger, follower: Follower) -> list[Span]:
    """A snapshot, and a log in four pieces or more that leads on from it."""
    follow_on(follower)
    made(safe)
    for _ in range(3):
        ledger.write(3)
        follow_on(follower)
    found = spans(safe.store)
    assert len(found) >= 4
    return found


def test_the_log_goes_over_to_the_new_key_and_what_is_sealed_stays(
    pieces: list[Span], safe: Safe, ledger: Ledger, follower: Follower, keys: Keys, tmp_path: Path
) -> None:
    before = [read_piece(safe, span) for span in pieces]
    both = keys(NEW_KEY, BACKUP_KEY)
    said = run("backups", "rewrap").stdout
    text = f"first store: 1 rewrapped and {len(pieces)} pieces of the log; key {both.key.id}\n"
    assert said == text
    ledger.write(3)
    follow_on(follower)  # was started with the old key, and goes on with it
    later = len(spans(safe.store)) - len(pieces)
    assert f" 0 rewrapped and {later} pieces of the log" in run("backups", "rewrap").stdout
    assert " 0 rewrapped; " in run("backups", "rewrap").stdout
    alone = keys(NEW_KEY, "")
    for piece, data in before:
        now, same = read_piece(alone, piece.span)
        assert same == data
        assert now.seal.sealed_sha256 == piece.seal.sealed_sha256
        assert (now.until, now.before, now.file) == (piece.until, piece.before, piece.file)
    restore_into(alone, tmp_path / "back")
    assert rows_in(tmp_path / "back" / SQLITE_FILE) == rows_in(ledger.database)
    with pytest.raises(PieceDamaged, match=f"signed with key {alone.key.id}; BACKUP_KEY is"):
        read_piece(keys(BACKUP_KEY, ""), pieces[0])


@pytest.mark.parametrize("half", [False, True])
def test_killed_in_the_middle_every_piece_opens_and_the_next_run_goes_on(
    pieces: list[Span], keys: Keys, monkeypatch: pytest.MonkeyPatch, half: bool
) -> None:
    both, write, count = keys(NEW_KEY, BACKUP_KEY), FolderStore.write, 0

    @contextmanager
    def dying(self: FolderStore, name: str) -> Iterator[BinaryIO]:
        nonlocal count
        count += 1
        writing: AbstractContextManager[BinaryIO] = write(self, name)
        with writing as file:
            if count == 3 and half:
                file.write(b"maitred1")
            if count == 3:
                raise KeyboardInterrupt
            yield file

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "write", dying)
        with pytest.raises(KeyboardInterrupt):
            rewrap_log(both)
    for span in pieces:
        read_piece(both, span)
    assert rewrap_log(both) == (len(pieces) - 2, [])


def test_a_damaged_piece_is_named_by_both(
    pieces: list[Span], safe: Safe, kept: Path, keys: Keys
) -> None:
    count = len(pieces)
    assert run("backups", "verify").stdout == (
        f"1 backups and {count} pieces of the log read, 0 damaged\n"
    )
    hurt(kept / pieces[1].name)  # in what is sealed
    said = run("backups", "verify", ends=1).stdout
    assert f"WRONG in the first store: {pieces[1].name}: " in said
    assert f"{count} pieces of the log read, 1 damaged" in said
    content = bytearray((kept / pieces[2].name).read_bytes())
    content[20] ^= 1  # in its head
    (kept / pieces[2].name).write_bytes(content)
    assert "2 damaged" in run("backups", "verify", ends=1).stdout
    name = safe.chain()[0].name
    assert run("backups", "verify", "--from", name).stdout == "1 backups read, 0 damaged\n"
    keys(NEW_KEY, BACKUP_KEY)
    told = run("backups", "rewrap", ends=1)
    assert f"LEFT in the first store: {pieces[2].name}: " in told.stderr
    assert f" 1 rewrapped and {count - 1} pieces of the log" in told.stdout


def test_a_piece_that_was_merged_meanwhile_is_not_missed(
    pieces: list[Span], keys: Keys, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = keys(NEW_KEY, BACKUP_KEY)
    names = FolderStore.names

    def and_then_gone(self: FolderStore, prefix: str = "") -> list[str]:
        found = names(self, prefix)
        if prefix == PREFIX:
            (kept / pieces[1].name).unlink(missing_ok=True)
        return found

    monkeypatch.setattr(FolderStore, "names", and_then_gone)
    assert rewrap_log(both) == (len(pieces) - 1, [])
    assert "0 damaged" in run("backups", "verify").stdout
