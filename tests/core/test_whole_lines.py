"""Lines that several processes append are written whole or not at all."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest

from models.core import append_files
from models.core.append_files import append_line
from tests.architecture.tree import ROOT
from tests.services.running.together import together

LONG = b"x" * 5000
#: a process at its file size limit: the kernel writes only part of a line
_APPENDS = """
import resource, signal, sys
from pathlib import Path
from models.core.append_files import append_line
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    append_line(Path(sys.argv[1]), b"x" * 5000)
except OSError as refused:
    sys.exit(f"refused: {refused.strerror}")
"""


def _append_with_room_for(size: int, file: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _APPENDS, str(file), str(size)],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stderr


def test_a_line_for_which_the_disk_has_no_room_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    append_line(file, b"first")
    assert "refused" in _append_with_room_for(2000, file)
    assert file.read_bytes() == b"first\n"
    assert _append_with_room_for(8000, file) == ""
    assert file.read_bytes() == b"first\n" + LONG + b"\n"


def test_a_line_that_somebody_left_torn_does_not_spoil_the_next(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b'{"torn')
    append_line(file, b"whole")
    assert file.read_bytes() == b'{"torn\nwhole\n'


def test_a_short_write_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data[:7])))
    append_line(tmp_path / "lines", LONG)
    assert (tmp_path / "lines").read_bytes() == LONG + b"\n"


def test_many_who_write_in_pieces_tear_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "lines"
    write = os.write

    def piece(target: int, data: memoryview) -> int:
        sleep(0.0002)  # so that other writers may come in between
        return write(target, bytes(data[:3]))

    monkeypatch.setattr(os, "write", piece)
    words = [bytes([65 + number]) * 30 for number in range(6)]

    def append(word: bytes) -> None:
        for _ in range(20):
            append_line(file, word)

    def torn() -> set[bytes]:
        file.unlink(missing_ok=True)
        together(append, words)
        return set(file.read_bytes().splitlines()) - set(words)

    assert torn() == set()
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    assert torn(), "the control: without the lock lines are torn"


def test_a_file_that_another_holds_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append_files, "LOCK_SECONDS", 0.05)
    with (tmp_path / "lines").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError):
            append_line(tmp_path / "lines", b"x")
