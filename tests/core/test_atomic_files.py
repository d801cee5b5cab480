"""Files replaced as a whole: the old content or the new one, whenever the writer is killed."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from models.core.atomic_files import (
    atomic_file,
    link_atomically,
    remove_drafts,
    write_atomically,
)
from tests.architecture.tree import ROOT

#: a writer that kills itself at one step, whatever the process could still have done about it
_DIES = """
import os, pathlib, signal, sys
from models.core.atomic_files import atomic_file
path, step = pathlib.Path(sys.argv[1]), sys.argv[2]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def then_die(work):
    def both(*args, **kwargs):
        work(*args, **kwargs)
        die()
    return both

if step == "before the sync":
    os.fsync = die
if step == "after the sync":
    os.fsync = then_die(os.fsync)
if step == "after the rename":
    pathlib.Path.replace = then_die(pathlib.Path.replace)
with atomic_file(path) as file:
    file.write(b"new" * 100_000)
    if step == "half written":
        file.flush()
        die()
    file.write(b"new" * 100_000)
"""
OLD, NEW = b"old", b"new" * 200_000


def _killed(path: Path, step: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _DIES, str(path), step],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("step", "content", "drafts"),
    [
        ("half written", OLD, 1),
        ("before the sync", OLD, 1),
        ("after the sync", OLD, 1),
        ("after the rename", NEW, 0),
    ],
)
def test_a_writer_killed_at_any_step_leaves_a_whole_file(
    tmp_path: Path, step: str, content: bytes, drafts: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    _killed(path, step)
    assert path.read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 1 + drafts


def test_the_control_a_file_written_in_place_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    in_place = _DIES.replace("with atomic_file(path) as file", 'with path.open("wb") as file')
    done = subprocess.run(
        [sys.executable, "-c", in_place, str(path), "half written"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() not in (OLD, NEW)


def test_what_a_killed_writer_left_goes_with_a_later_write(tmp_path: Path) -> None:
    path = tmp_path / "file"
    _killed(path, "half written")
    (draft,) = tmp_path.iterdir()
    beside = tmp_path / draft.name.replace("file", "files")
    beside.write_bytes(b"of another file")
    write_atomically(path, b"1")
    assert draft.exists(), "a process may be writing it"
    for old in (draft, beside):
        os.utime(old, (0, 0))
    write_atomically(path, b"2")
    assert set(tmp_path.iterdir()) == {path, beside}
    remove_drafts(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_draft_that_cannot_be_deleted_fails_no_completed_write(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    for each in (path, link):
        stuck = each.with_name(f".draft-{each.name}.0000")
        stuck.mkdir()  # stands for a draft of another account
        os.utime(stuck, (0, 0))
    write_atomically(path, NEW)
    link_atomically(link, path)
    assert link.read_bytes() == NEW
    with pytest.raises(OSError):
        remove_drafts(tmp_path)


def test_a_writer_that_fails_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    with pytest.raises(ZeroDivisionError), atomic_file(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert [(each, each.read_bytes()) for each in tmp_path.iterdir()] == [(path, OLD)]


def test_only_its_owner_reads_a_file_unless_said_otherwise(tmp_path: Path) -> None:
    secret, record = tmp_path / "secret", tmp_path / "record"
    secret.touch(0o644)
    before = os.umask(0o022)
    try:
        write_atomically(secret, b"x")
        write_atomically(record, b"x", mode=0o666)
        with atomic_file(tmp_path / "draft") as file:
            assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
    finally:
        os.umask(before)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(record.stat().st_mode) == 0o644


def test_a_new_file_replaces_none(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, OLD, is_new=True)
    with pytest.raises(FileExistsError):
        write_atomically(path, NEW, is_new=True)
    assert [(each, each.read_bytes()) for each in tmp_path.iterdir()] == [(path, OLD)]


def test_content_and_name_are_on_disk_in_that_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def note(handle: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        synced.append("folder" if is_folder else "file")
        assert (tmp_path / "file").exists() is is_folder
        sync(handle)

    monkeypatch.setattr(os, "fsync", note)
    write_atomically(tmp_path / "file", b"x")
    assert synced == ["file", "folder"]
    write_atomically(tmp_path / "other", b"x", is_durable=False)
    assert synced == ["file", "folder"]


def test_a_link_is_replaced_and_always_there(tmp_path: Path) -> None:
    link = tmp_path / "live"
    link_atomically(link, "one")
    link_atomically(link, "two")
    assert str(link.readlink()) == "two"
    assert list(tmp_path.iterdir()) == [link]
