"""Every process reads time zones from the pinned package, whatever the machine has installed."""

import struct
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from models.core.zones import zone_data
from tests.architecture.tree import ROOT

#: the first import of each process: web, worker, scheduler, command, sidecars
ENTRIES = ("web.wsgi", "workers.entry", "schedules.entry", "deploy.cli.main", "workers.flower")
_ASKS = (
    "import {entry}, zoneinfo, datetime; "
    "print(datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')).utcoffset(), "
    "zoneinfo.TZPATH)"
)


@pytest.fixture
def faked(tmp_path: Path) -> Path:
    """A machine's zone data of another release: Berlin is five hours ahead all year."""
    header = struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lbb4s", 5 * 3600, 0, 0, b"XXX\0")
    path = tmp_path / "zoneinfo" / "Europe" / "Berlin"
    path.parent.mkdir(parents=True)
    path.write_bytes(header + body + header + body + b"\nXXX-5\n")
    return tmp_path / "zoneinfo"


def _ask(env: dict[str, str], faked: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**env, "PATH": "/usr/bin", "PYTHONPATH": str(ROOT), "PYTHONTZPATH": str(faked)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENTRIES)
def test_a_machine_with_other_zone_data_is_not_asked(
    service_env: dict[str, str], db: object, faked: Path, entry: str
) -> None:
    assert _ask(service_env, faked, _ASKS.format(entry=entry)) == "2:00:00 ()\n"


def test_the_control_a_process_that_asks_the_machine(faked: Path) -> None:
    assert _ask({}, faked, _ASKS.format(entry="sys")).startswith("5:00:00")


def test_the_tests_themselves_use_the_pin() -> None:
    when = datetime(2026, 7, 1, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin"))
    assert when.utcoffset().total_seconds() == 7200  # type: ignore[union-attr]
    assert zone_data() >= "2025"
