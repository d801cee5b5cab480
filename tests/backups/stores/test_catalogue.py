"""The folder and its manifests: complete or absent, signed, at their own place."""

import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.backups.faults import PieceDamaged
from tasks.backups.manifest import (
    Manifest,
    chain_of,
    read_catalogue,
    read_manifest,
    write_manifest,
)
from tasks.backups.stores.keys import master_key
from tasks.backups.stores.sealed import Seal
from tasks.backups.stores.store import FolderStore

KEY = master_key("only-for-tests-only-for-tests-only-for-tests")
OTHER = master_key("another-secret-another-secret-another-secret")
AT = datetime(2026, 11, 20, 19, 42, 10, 123456, tzinfo=UTC)
SEAL = Seal(KEY.id, "AAAA", 10, "ab", 20, "cd")
ONE = Manifest(
    "one", "full", "mariadb", "10.11", "maitred", None, AT, AT, 0, 7, "0029", {"t": (1, 2)}, SEAL
)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "kept")


def test_a_file_is_there_when_it_is_whole(store: FolderStore, tmp_path: Path) -> None:
    with store.write("a.sealed") as file:
        file.write(b"half")
        assert store.names() == []
        file.write(b"whole")
    assert store.names() == ["a.sealed"]
    with store.read("a.sealed") as file:
        assert file.read() == b"halfwhole"
    assert stat.S_IMODE((tmp_path / "kept" / "a.sealed").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700


def test_a_writer_that_fails_leaves_nothing(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), store.write("a") as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert list((tmp_path / "kept").iterdir()) == []


def test_what_a_killed_writer_left_is_cleared_away(store: FolderStore, tmp_path: Path) -> None:
    draft = tmp_path / "kept" / ".draft-a.sealed.12"
    draft.write_bytes(b"half")
    assert store.names() == []
    store.tidy()
    assert draft.exists()  # a process may be writing it
    os.utime(draft, (0, 0))
    store.tidy()
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_manifest_comes_back_as_it_was(store: FolderStore) -> None:
    write_manifest(store, ONE, KEY)
    assert read_manifest(store, "one", KEY) == ONE
    store.delete("one.json")
    with pytest.raises(PieceDamaged, match=r"one\.json: missing"):
        read_manifest(store, "one", KEY)


def test_every_changed_byte_of_a_manifest_is_found(store: FolderStore, tmp_path: Path) -> None:
    write_manifest(store, ONE, KEY)
    path = tmp_path / "kept" / "one.json"
    text = path.read_bytes()
    for place in range(len(text)):
        if text[place : place + 1].isspace():
            continue
        path.write_bytes(text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :])
        with pytest.raises(PieceDamaged, match=r"one\.json"):
            read_manifest(store, "one", KEY)
    for end in range(len(text) - 1):
        path.write_bytes(text[:end])
        with pytest.raises(PieceDamaged, match=r"one\.json"):
            read_manifest(store, "one", KEY)


def test_a_manifest_of_another_name_or_key_is_refused(store: FolderStore, tmp_path: Path) -> None:
    write_manifest(store, ONE, KEY)
    (tmp_path / "kept" / "one.json").rename(tmp_path / "kept" / "two.json")
    with pytest.raises(PieceDamaged, match=r"two\.json: is the manifest of one"):
        read_manifest(store, "two", KEY)
    with pytest.raises(PieceDamaged, match=r"signed with key"):
        read_manifest(store, "two", OTHER)


def test_a_chain_is_followed_to_its_full_backup(store: FolderStore) -> None:
    two = replace(ONE, name="two", kind="incremental", parent="one")
    three = replace(ONE, name="three", kind="incremental", parent="two")
    for one in (ONE, two, three):
        write_manifest(store, one, KEY)
    found, damaged = read_catalogue(store, KEY)
    assert (sorted(one.name for one in found), damaged) == (["one", "three", "two"], [])
    assert chain_of(three, found) == [ONE, two, three]
    store.delete("two.json")
    found, _ = read_catalogue(store, KEY)
    with pytest.raises(PieceDamaged, match=r"two\.json: missing, and three depends on it"):
        chain_of(three, found)
