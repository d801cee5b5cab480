"""`make up`: backup, drill, loss, restore, upgrade, rollback."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.architecture.tree import ROOT
from tests.deploy.hosts.test_up import Clone, Sign, make_clone, read, reserve
from tests.release.test_release import GOOD_STEP, add_step
from tests.services import plan
from tests.services.running.process import Process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def maitred(clone: Clone, *words: str) -> str:
    """Run a command in the clone, as in recovery.md; it must succeed. Return the output."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", *words],
        cwd=clone.folder, env={"PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def opened(clone: Clone) -> tuple[Process, Sign]:
    """The process of `make up`, after it has reported that it is open."""
    process = clone.start(sys.executable, "-m", "deploy.embedded.up")
    clone.runs += 1  # nothing has to be installed, so it starts soon
    return process, clone.opened(process)


def closed(process: Process) -> None:
    process.terminate(seconds=30)
    assert process.exit_code == 0, process.tail(40)


def test_it_is_backed_up_lost_brought_back_and_a_version_comes_and_goes(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    process, sign = opened(clone)
    kept = reserve(sign.base)
    assert "B plain" in maitred(clone, "backup", "create")
    assert "restored and checked in" in maitred(clone, "backup", "drill")
    plan.prove(line="backup-drilled", target="embedded", how="seen")
    closed(process)

    process, sign = opened(clone)
    lost = time.monotonic()
    _lose_and_bring_back(clone, process)
    process, sign = opened(clone)
    assert read(sign.base, kept)["status"] == "confirmed"
    figure = f"lost, restored and open again in {time.monotonic() - lost:.0f} s"
    for line in ("backup-restored", "recovery-time"):
        plan.prove(line=line, target="embedded", how="seen", figure=figure)
    maitred(clone, "check")
    closed(process)

    # the next version has one more migration
    steps = clone.folder / "models" / "migrations" / "versions"
    before = set(steps.iterdir())
    add_step(clone.folder, GOOD_STEP)
    process, sign = opened(clone)
    late = reserve(sign.base, "lee@guests.example")
    assert late["status"] == "confirmed"
    closed(process)
    # and the previous version runs on the migrated database
    for added in set(steps.glob("*.py")) - before:
        added.unlink()
    shutil.rmtree(steps / "__pycache__", ignore_errors=True)
    process, sign = opened(clone)
    ready = httpx.get(f"{sign.base}/readyz", timeout=10)
    assert (ready.status_code, ready.json()["migrations"]["is"]) == (200, "ahead")
    assert read(sign.base, late)["status"] == "confirmed"
    assert reserve(sign.base, "max@guests.example")["status"] == "confirmed"
    closed(process)
    assert clone.living() == []


def _lose_and_bring_back(clone: Clone, process: Process) -> None:
    """Delete the database's file, then restore the newest snapshot in its place."""
    closed(process)
    var = clone.folder / "var"
    for path in var.glob("maitred.db*"):
        path.unlink()
    new = clone.folder.parent / "new.db"
    said = maitred(clone, "backup", "restore", "--to-url", f"sqlite:///{new}")
    assert "this is the state of" in said
    new.rename(var / "maitred.db")
    assert (ROOT / "docs" / "recovery.md").read_text().count("sqlite:////NEW/maitred.db") == 1
