"""A full disk under METRICS_DIR: metrics are lost, the process continues."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.services.missing import go_without, require_program

ROOM = 256 * 1024
#: counts under many names until the files have to grow and the disk is full
_COUNTS = """
import sys
{first}
from prometheus_client import Counter, Gauge
many = Counter("many", "Under many names.", ("name",))
for number in range(3000):
    many.labels(f"{{number:0100}}").inc()
one = Gauge("one", "A file of its own.", multiprocess_mode="livesum")
one.set(7)
assert many.labels(f"{{2999:0100}}")._value.get() == 1
assert one._value.get() == 7
print("it went on")
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    if os.geteuid() != 0:
        go_without("root (to mount a small tmpfs)")
    folder = tmp_path / "metrics"
    folder.mkdir()
    mount = [require_program("mount"), "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        go_without("the right to mount a tmpfs")
    yield folder
    subprocess.run([require_program("umount"), str(folder)], check=True)


def _count(folder: Path, first: str = "import models.core") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _COUNTS.format(first=first)],
        env={"PATH": "/usr/bin", "PYTHONPATH": str(ROOT), "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_full_disk_costs_metrics_and_no_process(small_disk: Path) -> None:
    done = _count(small_disk)
    assert (done.returncode, done.stdout) == (0, "it went on\n"), done.stderr
    assert "no space for metrics" in done.stderr
    # the control: what prometheus_client does by itself
    for file in small_disk.glob("*.db"):
        file.unlink()
    assert _count(small_disk, first="").returncode == -signal.SIGBUS


def test_a_disk_that_is_full_from_the_start(small_disk: Path) -> None:
    (small_disk / "other").write_bytes(b"x" * ROOM)
    done = _count(small_disk)
    assert (done.returncode, done.stdout) == (0, "it went on\n"), done.stderr
    assert not list(small_disk.glob("*.db")), "an empty file spoils the sum of all"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert _count(tmp_path / "nowhere").stdout == "it went on\n"


def test_with_room_all_is_in_the_files(tmp_path: Path) -> None:
    assert _count(tmp_path).stderr == ""
    (file,) = tmp_path.glob("counter_*.db")
    assert file.stat().st_blocks * 512 >= file.stat().st_size, "the file has holes"
    read = (
        "import sys\nfrom prometheus_client import CollectorRegistry, generate_latest\n"
        "from prometheus_client.multiprocess import MultiProcessCollector\n"
        "all = CollectorRegistry()\nMultiProcessCollector(all, path=sys.argv[1])\n"
        "print(generate_latest(all).decode().count('many_total{'))"
    )
    shown = subprocess.run([sys.executable, "-c", read, str(tmp_path)], capture_output=True)
    assert shown.stdout == b"3000\n"
