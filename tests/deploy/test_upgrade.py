"""deploy/upgrade.sh, step by step: what it does in which order, and what it takes back."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.tree import ROOT

STAND_IN = Path(__file__).with_name("docker_stand_in.py")
_SCRIPT = (ROOT / "deploy" / "upgrade.sh").read_text(encoding="utf-8")
BESIDE = re.findall(r'^BESIDE="(.*)"$', _SCRIPT, re.MULTILINE)[0].split()


@dataclass(frozen=True, slots=True)
class Place:
    """An installation where `maitred:1` serves, by a stand-in for docker."""

    folder: Path

    @property
    def state(self) -> dict[str, Any]:
        """What the stand-in knows."""
        found: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return found

    def change(self, **facts: Any) -> None:
        """Make these of what it knows."""
        (self.folder / "state.json").write_text(json.dumps(self.state | facts))

    def env(self, **more: str) -> dict[str, str]:
        """What the script is called with."""
        quick = dict.fromkeys(("STAND_SECONDS", "COUNT_SECONDS"), "0")
        quick |= {"WATCH_SECONDS": "1", "READY_SECONDS": "5"}
        known = {"STATE": str(self.folder / "state.json")}
        return {"PATH": f"{self.folder}/bin:{os.environ['PATH']}"} | quick | known | more

    def upgrade(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """The script, to its end."""
        return subprocess.run(
            ["sh", "deploy/upgrade.sh", *words], cwd=self.folder, env=self.env(**more),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    @property
    def settings(self) -> list[str]:
        """The lines of .env."""
        return (self.folder / ".env").read_text(encoding="utf-8").splitlines()

    def serves(self) -> str:
        """The one image of all processes, to whose web nginx is led."""
        containers = self.state["containers"]
        ours = [it for it in containers.values() if it["service"] in BESIDE]
        assert sorted(it["service"] for it in ours) == sorted(BESIDE)
        (image,) = {it["image"] for it in ours}
        assert containers[self.state["link"]]["image"] == image
        assert not (self.folder / ".upgrade").exists()
        return str(image)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Where nothing went wrong yet."""
    shutil.copytree(ROOT / "deploy" / "nginx", tmp_path / "deploy" / "nginx")
    shutil.copy(ROOT / "deploy" / "upgrade.sh", tmp_path / "deploy")
    (tmp_path / ".env").write_text("PUBLIC_URL=https://book.example\nIMAGE=maitred:1\n")
    (tmp_path / "bin").mkdir()
    docker = tmp_path / "bin" / "docker"
    docker.write_text(f'#!/bin/sh\nexec {sys.executable} -S {STAND_IN} "$@"\n')
    docker.chmod(0o755)
    services = [*BESIDE, "nginx", "flower"]
    containers = {f"{name}-0": {"service": name, "image": "maitred:1"} for name in services}
    state = {
        "containers": containers, "link": "web-0", "made": 0, "calls": [], "answered": {},
        "images": {"maitred:1": "id1", "maitred:2": "id2"}, "registry": ["maitred:2"],
        "store": "s3://bucket", "broken": {}, "faults": {}, "fails": [],
    }  # fmt: skip
    (tmp_path / "state.json").write_text(json.dumps(state))
    return Place(tmp_path)


def test_it_backs_up_migrates_starts_all_turns_and_only_then_ends_the_old_ones(
    place: Place,
) -> None:
    done = place.upgrade("maitred:2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert place.serves() == "maitred:2"
    calls = place.state["calls"]
    kinds = [call.partition(" ")[0] for call in calls]
    assert kinds == ["backup", "migrate", *["start"] * len(BESIDE), "turn", "stop", "start"]
    assert calls[1] == "migrate maitred:2"
    assert calls[-2] == "stop " + " ".join(sorted(f"{name}-0" for name in BESIDE))
    assert calls[-1].startswith("start flower")
    assert place.settings == [
        "PUBLIC_URL=https://book.example", "IMAGE=maitred:2", "IMAGE_BEFORE=maitred:1",
    ]  # fmt: skip


def test_back_to_the_image_before_without_backup_and_migration_and_once(place: Place) -> None:
    place.upgrade("maitred:2")
    place.change(calls=[])
    assert place.upgrade("--rollback").returncode == 0
    assert place.serves() == "maitred:1"
    assert not {"backup", "migrate maitred:1"} & set(place.state["calls"])
    again = place.upgrade("--rollback")
    assert again.returncode == 1
    assert "no image before is known" in again.stderr
    assert place.serves() == "maitred:1"


def test_settings_that_changed_come_with_the_same_image(place: Place) -> None:
    place.upgrade("maitred:2")
    before = set(place.state["containers"])
    assert place.upgrade().returncode == 0
    assert place.serves() == "maitred:2"
    assert set(place.state["containers"]) & before == {"nginx-0"}
    assert "IMAGE_BEFORE=maitred:1" in place.settings


def test_a_tag_that_means_another_image_by_now_is_kept_by_another_name(place: Place) -> None:
    containers = place.state["containers"]
    containers["web-0"]["id"] = "id0"  # maitred:1 was built anew since it was started
    place.change(containers=containers)
    assert place.upgrade("maitred:2").returncode == 0
    assert "IMAGE_BEFORE=maitred:before" in place.settings
    assert place.state["images"]["maitred:before"] == "id0"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"store": ""}, "no BACKUP_STORE"),
        ({"fails": ["maitred backup"]}, "no backup was made"),
        ({"fails": ["migrate"]}, "the migration failed"),
        ({"fails": ["pull", "image inspect"]}, "can neither be pulled"),
        ({"fails": ["test -L"]}, "nothing serves here"),
        ({"fails": ["--scale scheduler"]}, "scheduler of maitred:2 cannot be started"),
        ({"broken": {"maitred:2": "worker-backups"}}, "worker-backups does not stand"),
        ({"broken": {"maitred:2": "web"}}, "the last words of web"),
        ({"fails": ["exec nginx-0"]}, "nginx does not answer"),
        ({"faults": {"maitred:2": 5}}, "answered 5 requests with 5xx"),
    ],
    ids=str,
)
def test_whatever_fails_the_version_before_serves_and_it_says_why(
    place: Place, wrong: dict[str, Any], says: str
) -> None:
    place.change(**wrong)
    done = place.upgrade("maitred:2")
    assert done.returncode == 1, done.stdout
    assert says in done.stderr
    assert "NOT DONE" in done.stderr
    assert place.serves() == "maitred:1"
    assert "IMAGE=maitred:1" in place.settings


def test_after_one_that_failed_the_next_one_is_done(place: Place) -> None:
    place.change(broken={"maitred:2": "web"})
    assert place.upgrade("maitred:2").returncode == 1
    place.change(broken={})
    assert place.upgrade("maitred:2").returncode == 0
    assert place.serves() == "maitred:2"


def test_without_a_store_it_goes_on_when_it_is_told_to(place: Place) -> None:
    place.change(store="")
    done = place.upgrade("maitred:2", WITHOUT_BACKUP="1")
    assert done.returncode == 0
    assert "NO BACKUP" in done.stdout
    assert "backup" not in place.state["calls"]


@pytest.mark.parametrize(
    ("at", "next_time", "serves", "says"),
    [
        ("beside the old", ("maitred:2",), "maitred:2", "taking back the upgrade"),
        ("callers over", ("maitred:2",), "maitred:2", "taking back the upgrade"),
        ("callers over", ("--rollback",), "maitred:1", "taking back the upgrade"),
        ("tasks are finished", ("maitred:2",), "maitred:2", "finishing the upgrade"),
        ("tasks are finished", ("--rollback",), "maitred:1", "finishing the upgrade"),
    ],
)
def test_killed_at_any_step_it_is_taken_back_or_finished_by_the_next_one(
    place: Place, at: str, next_time: tuple[str, ...], serves: str, says: str
) -> None:
    env = place.env(WATCH_SECONDS="3")
    argv = ["sh", "deploy/upgrade.sh", "maitred:2"]
    with subprocess.Popen(
        argv, cwd=place.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    ) as begun:  # fmt: skip
        assert begun.stdout
        while at not in begun.stdout.readline():
            assert begun.poll() is None
        os.killpg(begun.pid, signal.SIGKILL)
    time.sleep(0.2)  # the stand-in's file is whole again
    done = place.upgrade(*next_time)
    assert done.returncode == 0, done.stdout + done.stderr
    assert says in done.stdout
    assert place.serves() == serves


def test_two_at_once_are_refused(place: Place) -> None:
    script = place.folder / "deploy" / "upgrade.sh"
    script.write_text(script.read_text().replace("flock -w 15", "flock -w 1"))
    argv = ["flock", "--no-fork", ".upgrade.lock", "sh", "-c", "echo held; exec sleep 60"]
    with subprocess.Popen(argv, cwd=place.folder, stdout=subprocess.PIPE) as held:
        assert held.stdout is not None
        held.stdout.readline()
        done = place.upgrade("maitred:2")
        held.kill()
    assert "another upgrade is under way" in done.stderr
    assert place.state["calls"] == []


def test_what_it_does_not_know_it_does_not_do(place: Place) -> None:
    done = place.upgrade("--help")
    assert (done.returncode, place.state["calls"]) == (1, [])
