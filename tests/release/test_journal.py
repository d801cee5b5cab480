"""The journal of releases, as the release before this one wrote it."""

import json
from pathlib import Path
from time import time

import pytest

from deploy.release import conduct
from deploy.release.journal import Journal
from deploy.release.steps import STEPS
from models.core.settings import settings

#: The steps of the release before, in its words.
FORMER = ("look", "backup", "migrate", "start", "smoke", "turn", "front", "live", "end-old")


def interrupted(state: Path, *, done: tuple[str, ...]) -> Path:
    """Write the journal of a release that the release before began; return its folder."""
    version = state / "version-1"
    version.mkdir()
    record = {
        "number": 1,
        "folder": str(version),
        "strategy": "canary",
        "slot": "blue",
        "before": 0,
        "began": time(),
        "steps": dict.fromkeys(done, 1.5),
    }
    (state / "releases").mkdir()
    (state / "releases" / "000001.json").write_text(json.dumps(record), encoding="utf-8")
    return version


def test_former_names_of_steps_are_understood(tmp_path: Path) -> None:
    interrupted(tmp_path, done=FORMER)
    found = Journal(tmp_path).newest()
    assert found is not None
    assert found.steps == {step.name: 1.5 for step in STEPS}


def test_a_release_that_the_release_before_began_is_resumed_where_it_stopped(
    service_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "release_folder", tmp_path)
    monkeypatch.setattr(settings(), "release_sockets", tmp_path / "sockets")
    version = interrupted(tmp_path, done=FORMER[:-1])
    said: list[str] = []
    done = conduct.release(version, "canary", said.append)
    assert done.outcome == "done"
    assert said[0] == "Resuming release 1"
    (step,) = said[1:]
    assert "stop the old version" in step
    assert Journal(tmp_path).newest() == done
