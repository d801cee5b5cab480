"""Releases by the units of deploy/systemd, started by their own command lines."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.release.place import SHARES
from deploy.systemd.make import BOOT, FILES, FOLDER
from models.core.secrets.by_process import SECRETS
from tests.architecture.tree import ROOT
from tests.release.crowd import Crowd, in_order
from tests.release.restaurant import Machine, answers, machine
from tests.services import plan
from tests.services.running.process import wait_until
from tests.services.servers.mariadb import MariaDB

pytestmark = [pytest.mark.slow, pytest.mark.mariadb, pytest.mark.timeout(400)]

_SYSTEMCTL = f"""#!/bin/sh
exec {sys.executable} {ROOT}/tests/services/running/systemctl.py "$@"
"""


@pytest.fixture(scope="module")
def place(mariadb: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with the units, settings and secrets of deploy/systemd, and no version yet."""
    with machine(tmp_path_factory.mktemp("u"), mariadb) as made:
        root = made.folder / "machine"
        shutil.copytree(FOLDER, root / "etc/systemd/system")
        (root / "var/lib/maitred/releases").mkdir(parents=True)
        _settle(made, root)
        (made.folder / "bin").mkdir()
        command = made.folder / "bin" / "systemctl"
        command.write_text(_SYSTEMCTL, encoding="utf-8")
        command.chmod(0o755)
        made.env["PATH"] = f"{command.parent}:{made.env['PATH']}"
        try:
            yield made
        finally:
            switch_off(made)


def _settle(made: Machine, root: Path) -> None:
    """Write the settings to one file and each secret to its own, as on a real machine."""
    made.env |= {
        "RELEASE_BY": "systemd",
        "RELEASE_FOLDER": str(root / "var/lib/maitred/releases"),
        "MACHINE": str(root),
        "SSH_CONNECTION": "an operator's",
    }
    secrets = root / "etc/maitred/secrets"
    secrets.mkdir(parents=True)
    for name in FILES:
        (secrets / name.lower()).write_text(made.env.get(name, ""), encoding="utf-8")
    kept = {
        key: text
        for key, text in made.env.items()
        if key not in SECRETS | {"PATH", "SSH_CONNECTION"}
    }
    text = "".join(f'{key}="{value}"\n' for key, value in kept.items())
    (root / "etc/maitred/maitred.env").write_text(text, encoding="utf-8")


def version(place: Machine, name: str, *, allocation: str = "") -> Path:
    """Create a version with its own virtual environment, where the units expect it."""
    folder = place.version(name, allocation=allocation) if allocation else place.version(name)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def units(place: Machine, slot: str) -> dict[str, int]:
    """Map each started unit of a slot to the pid of its supervisor."""
    found = sorted((place.folder / "machine/run-systemd").glob(f"maitred-*@{slot}.service.pid"))
    return {path.name.partition("@")[0]: int(path.read_text(encoding="utf-8")) for path in found}


def switch_off(place: Machine) -> None:
    """Kill all processes and delete volatile files, like a power cut."""
    for slot in ("blue", "green"):
        for pid in units(place, slot).values():
            try:
                family = psutil.Process(pid).children(recursive=True)
                os.kill(pid, 9)
            except (psutil.Error, ProcessLookupError):
                continue
            for process in family:
                process.kill()
    shutil.rmtree(place.folder / "machine/run-systemd", ignore_errors=True)
    for path in (place.folder / "run").glob("*"):
        if path.is_symlink() or path.is_socket():
            path.unlink()


def put(place: Machine, *words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a release or a rollback, which must end with this exit code."""
    done = place.maitred(*words)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def link(place: Machine, share: int = 100) -> str:
    return (place.folder / "run" / str(share)).readlink().name


def test_releases_start_and_end_the_units_and_a_reboot_finds_the_live_one(place: Machine) -> None:
    first = version(place, "first")
    put(place, "release", "start", first)
    assert len(units(place, "blue")) == 6
    _secrets_are_apart(place)
    second = version(place, "second")
    with Crowd(place) as crowd:
        put(place, "release", "start", second)
    assert crowd.failed == {}, (crowd.faults, crowd.refusals, crowd.stalls)
    assert (len(units(place, "green")), units(place, "blue"), link(place)) == (6, {}, "green")
    # an unstable worker is detected by the number of its restarts by systemd
    broken = version(place, "broken", allocation="sh -c 'sleep 0.5; exit 3'")
    said = put(place, "release", "start", broken, code=1).stderr
    assert "allocation exited 2 times; see `journalctl -u maitred-allocation@blue.service`" in said
    assert (units(place, "blue"), link(place)) == ({}, "green")
    # after a power cut: links and sockets were in memory
    switch_off(place)
    put(place, *_words_of(BOOT))
    assert {link(place, share) for share in SHARES} == {"green"}
    wait_until(lambda: answers(place), seconds=20, what="nginx leads to the live version")
    put(place, "release", "rollback")
    assert (len(units(place, "blue")), units(place, "green"), link(place)) == (6, {}, "blue")
    version_now = place.folder / "machine/var/lib/maitred/releases/version"
    assert {name: (version_now / name).resolve() for name in ("blue", "live")} == {
        "blue": first, "live": first,
    }  # fmt: skip
    in_order(place)
    plan.prove(line="rollback", target="hosts", how="rehearsed")


def _words_of(unit: str) -> list[str]:
    """The arguments with which this unit calls the live version's `maitred`."""
    text = (FOLDER / unit).read_text(encoding="utf-8")
    (words,) = re.findall(r"^ExecStart=\S+/live/.venv/bin/maitred (.+)$", text, re.MULTILINE)
    return str(words).split()


def _secrets_are_apart(place: Machine) -> None:
    """Check that each process has only its own secrets; the scheduler has no key of guests'
    data.
    """
    for name, given, kept_back in (
        # only processes that do not set their title, which would hide their environment
        ("maitred-scheduler", "DATABASE_URL_FILE", "MASTER_KEY_FILE"),
        ("maitred-follower", "BACKUP_KEY_FILE", "MASTER_KEY_FILE"),
    ):
        (process,) = psutil.Process(units(place, "blue")[name]).children()
        environ = process.environ()
        assert given in environ
        assert kept_back not in environ
        # nothing from the operator's own shell
        assert "SECRET_KEY" not in environ
        assert "SSH_CONNECTION" not in environ
