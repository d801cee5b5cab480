"""deploy/upgrade.sh, step by step: the order of its actions, and its rollbacks."""

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

pytestmark = pytest.mark.slow

STAND_IN = Path(__file__).with_name("docker_stand_in.py")
_SCRIPT = (ROOT / "deploy" / "upgrade.sh").read_text(encoding="utf-8")
BESIDE = re.findall(r'^BESIDE="(.*)"$', _SCRIPT, re.MULTILINE)[0].split()


@dataclass(frozen=True, slots=True)
class Place:
    """An installation that serves `maitred:1`, on a fake docker."""

    folder: Path

    @property
    def state(self) -> dict[str, Any]:
        """The state of the fake docker."""
        found: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return found

    def change(self, **facts: Any) -> None:
        """Change these entries of the state."""
        (self.folder / "state.json").write_text(json.dumps(self.state | facts))

    def env(self, **more: str) -> dict[str, str]:
        """Return the script's environment."""
        quick = dict.fromkeys(("STABLE_SECONDS", "COUNT_SECONDS"), "0")
        quick |= {"WATCH_SECONDS": "1", "READY_SECONDS": "5"}
        known = {"STATE": str(self.folder / "state.json")}
        return {"PATH": f"{self.folder}/bin:{os.environ['PATH']}"} | quick | known | more

    def upgrade(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the script to its end."""
        return subprocess.run(
            ["sh", "deploy/upgrade.sh", *words], cwd=self.folder, env=self.env(**more),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    @property
    def settings(self) -> list[str]:
        """The lines of .env."""
        return (self.folder / ".env").read_text(encoding="utf-8").splitlines()

    def serves(self) -> str:
        """Check that all processes and nginx's link have one image, and return it."""
        containers = self.state["containers"]
        ours = [it for it in containers.values() if it["service"] in BESIDE]
        assert sorted(it["service"] for it in ours) == sorted(BESIDE)
        (image,) = {it["image"] for it in ours}
        assert containers[self.state["link"]]["image"] == image
        assert not (self.folder / ".upgrade").exists()
        return str(image)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An installation without faults."""
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
        "store": "s3://bucket", "broken": {}, "starting": {}, "faults": {},
        "fails": [], "stopped": [],
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
    assert "the previous image is not known" in again.stderr
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
    containers["web-0"]["id"] = "id0"  # maitred:1 was rebuilt after it was started
    place.change(containers=containers)
    assert place.upgrade("maitred:2").returncode == 0
    assert "IMAGE_BEFORE=maitred:before" in place.settings
    assert place.state["images"]["maitred:before"] == "id0"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"store": ""}, "no BACKUP_STORE"),
        ({"stopped": ["worker-backups-0"]}, "worker-backups does not run"),
        ({"fails": ["maitred backup"]}, "no backup was made"),
        ({"fails": ["migrate"]}, "the migration failed"),
        ({"fails": ["pull", "image inspect"]}, "cannot be pulled"),
        ({"fails": ["test -L"]}, "nothing is running here"),
        ({"fails": ["--scale scheduler"]}, "scheduler of maitred:2 cannot be started"),
        ({"broken": {"maitred:2": "worker-backups"}}, "worker-backups does not stay up"),
        ({"broken": {"maitred:2": "web"}}, "the last words of web"),
        ({"starting": {"maitred:2": "worker-backups"}}, "is not ready after 5 s: starting"),
        ({"starting": {"maitred:2": "worker-backups"}}, "the last words of worker-backups"),
        (
            {"broken": {"maitred:2": "worker-backups"}, "fails": ["logs --tail"]},
            "worker-backups does not stay up",
        ),
        (
            {"starting": {"maitred:2": "worker-backups"}, "fails": ["logs --tail"]},
            "is not ready after 5 s: starting",
        ),
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
        ("beside the old", ("maitred:2",), "maitred:2", "rolling back the interrupted upgrade"),
        ("switching traffic", ("maitred:2",), "maitred:2", "rolling back the interrupted upgrade"),
        ("switching traffic", ("--rollback",), "maitred:1", "rolling back the interrupted upgrade"),
        (
            "stopping the old version",
            ("maitred:2",),
            "maitred:2",
            "finishing the interrupted upgrade",
        ),
        (
            "stopping the old version",
            ("--rollback",),
            "maitred:1",
            "finishing the interrupted upgrade",
        ),
    ],
)
def test_killed_at_any_step_it_is_taken_back_or_finished_by_the_next_one(
    place: Place, at: str, next_time: tuple[str, ...], serves: str, says: str
) -> None:
    killed(place, at, "maitred:2")
    done = place.upgrade(*next_time)
    assert done.returncode == 0, done.stdout + done.stderr
    assert says in done.stdout
    assert place.serves() == serves


def killed(place: Place, at: str, *words: str) -> None:
    """Run an upgrade, and kill it after this output."""
    env = place.env(WATCH_SECONDS="3")
    argv = ["sh", "deploy/upgrade.sh", *words]
    with subprocess.Popen(
        argv, cwd=place.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    ) as begun:  # fmt: skip
        assert begun.stdout
        while at not in begun.stdout.readline():
            assert begun.poll() is None
        os.killpg(begun.pid, signal.SIGKILL)
    time.sleep(0.2)  # the fake docker has finished writing its file


@pytest.mark.parametrize("kept", [set(), {"web"}], ids=["all", "all but web"])
def test_killed_and_then_brought_up_by_compose_nothing_that_runs_is_removed(
    place: Place, kept: set[str]
) -> None:
    killed(place, "beside the old", "maitred:2")
    _made_anew(place, kept)
    before = set(place.state["containers"])
    place.change(fails=["test -L"])  # it fails right after handling the interrupted one
    assert place.upgrade("maitred:2").returncode == 1
    assert set(place.state["containers"]) == before
    place.change(fails=[])
    done = place.upgrade("maitred:2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert place.serves() == "maitred:2"


def test_killed_and_brought_up_by_compose_there_is_nothing_to_go_back_to(place: Place) -> None:
    killed(place, "beside the old", "maitred:2")
    _made_anew(place, set())
    done = place.upgrade("--rollback")
    assert done.returncode == 1
    assert "the running version was not changed" in done.stderr
    assert place.serves() == "maitred:1"


def _made_anew(place: Place, kept: set[str]) -> None:
    """`docker compose up --detach --force-recreate` with the old settings: one container each."""
    found, anew = place.state["containers"], dict[str, Any]()
    for service in {it["service"] for it in found.values()}:
        name = f"{service}-0" if service in kept else f"{service}-anew"
        anew[name] = {"service": service, "image": "maitred:1"}
    anew["nginx-0"] = anew.pop("nginx-anew")
    web = next(name for name, it in anew.items() if it["service"] == "web")
    place.change(containers=anew, link=web)


@pytest.mark.parametrize(
    "wrong",
    [{"fails": ["web-0 python -m deploy.live turn", "exec nginx-0"]}, {"stopped": ["web-0"]}],
    ids=["it cannot be turned to", "it does not run"],
)
def test_the_new_one_is_not_removed_when_the_one_before_cannot_take_the_callers(
    place: Place, wrong: dict[str, Any]
) -> None:
    place.change(faults={"maitred:2": 5}, **wrong)
    done = place.upgrade("maitred:2")
    assert done.returncode == 1
    assert "the previous version serves" not in done.stderr
    assert "ROLLBACK FAILED" in done.stderr
    state = place.state
    assert state["containers"][state["link"]]["image"] == "maitred:2"
    assert not [call for call in state["calls"] if call.startswith("stop")]
    assert (place.folder / ".upgrade").exists()
    place.change(fails=[], stopped=[], faults={}, broken={"maitred:2": "web"})
    assert place.upgrade("maitred:2").returncode == 1
    assert place.serves() == "maitred:1"


def test_going_back_that_was_killed_when_it_served_is_done_when_it_is_asked_again(
    place: Place,
) -> None:
    place.upgrade("maitred:2")
    killed(place, "stopping the old version", "--rollback")
    done = place.upgrade("--rollback")
    assert done.returncode == 0, done.stdout + done.stderr
    assert place.serves() == "maitred:1"
    assert "IMAGE=maitred:1" in place.settings


def test_settings_behind_a_link_stay_behind_it(place: Place) -> None:
    kept = place.folder / "settings"
    (place.folder / ".env").rename(kept)
    (place.folder / ".env").symlink_to("settings")
    assert place.upgrade("maitred:2").returncode == 0
    assert (place.folder / ".env").is_symlink()
    assert "IMAGE=maitred:2" in kept.read_text().splitlines()


def test_where_there_is_no_flock_it_says_what_to_install(place: Place) -> None:
    for name in ("sh", "dirname", "sed", "tail", "tr"):
        (place.folder / "bin" / name).symlink_to(shutil.which(name) or name)
    done = place.upgrade("maitred:2", PATH=str(place.folder / "bin"))
    assert done.returncode == 1
    assert "flock is not installed" in done.stderr
    assert place.state["calls"] == []


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
