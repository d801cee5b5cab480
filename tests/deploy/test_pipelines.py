"""The pipelines: linted, pinned, and built from the Makefile's targets.

There is no linter here for GitLab's and Jenkins' files: their shell code and the targets they call
are checked.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.tree import ROOT
from tests.services import plan

BIN = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FILES = [*WORKFLOWS, ROOT / ".gitlab-ci.yml", ROOT / "Jenkinsfile"]
#: The commands of a pipeline, in order. A manual approval comes before production.
STEPS = (
    r"make check",
    r"make test",
    r"make image IMAGE=",
    r"make scan IMAGE=",
    r"make image PUSH=1",
    r"make deploy ENVIRONMENT=staging",
    r"make smoke",
    r"make deploy ENVIRONMENT=production .*STRATEGY=",
    r"make smoke-or-rollback ENVIRONMENT=production URL=",
)
#: Top-level keywords reserved by GitLab.
NO_JOBS = {"stages", "default", "variables", "image", "services", "cache", "include", "workflow"}


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def _run(*argv: str, told: str = "") -> str:
    env = {"PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        argv, cwd=ROOT, env=env, input=told, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


def test_github_s_workflows_are_as_actionlint_wants_them(tmp_path: Path) -> None:
    assert _run(str(BIN / "actionlint")) == ""
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOWS[0].read_text().replace("runs-on: ubuntu", "run-on: ubuntu"))
    assert "run-on" in _run(str(BIN / "actionlint"), str(broken))


def test_every_shell_script_is_as_shellcheck_wants_it() -> None:
    places = [path for name in ("deploy", ".ci", "tests") for path in (ROOT / name).rglob("*")]
    scripts = [path for path in places if path.is_file() and _is_shell(path)]
    assert {"upgrade.sh", "install.sh", "maitred", "alertmanager.sh", "words.sh", "run"} <= {
        path.name for path in scripts
    }
    assert _run(str(BIN / "shellcheck"), "-x", *map(str, scripts)) == ""


def _is_shell(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix == ".sh" or re.match(rb"#!/bin/(ba)?sh\b", file.read(12)) is not None


def _gitlab() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in _read(ROOT / ".gitlab-ci.yml").items():
        if isinstance(job, dict) and "script" in job:
            yield name, job


def test_gitlab_s_jobs_are_jobs_in_stages_with_sound_shell() -> None:
    stages = _read(ROOT / ".gitlab-ci.yml")["stages"]
    jobs = dict(_gitlab())
    assert not jobs.keys() & NO_JOBS
    assert {job["stage"] for job in jobs.values()} == set(stages)
    for name, job in jobs.items():
        shell = "\n".join(["#!/bin/sh", *job["script"], ""])
        assert _run(str(BIN / "shellcheck"), "--exclude=SC2154", "-", told=shell) == "", name
    assert jobs["production"]["rules"][0]["when"] == "manual"


def test_jenkins_brackets_close() -> None:
    text = re.sub(r"'[^']*'|\"[^\"]*\"|//.*", "", (ROOT / "Jenkinsfile").read_text())
    open_ones: list[str] = []
    for sign in re.findall(r"[(){}\[\]]", text):
        if sign in "({[":
            open_ones.append(sign)
        else:
            assert open_ones.pop() + sign in ("()", "{}", "[]")
    assert not open_ones


@pytest.mark.parametrize(
    "path", [ROOT / ".github" / "workflows" / "ci.yml", *FILES[-2:]], ids=lambda path: path.name
)
def test_the_steps_come_in_their_order(path: Path) -> None:
    text, place = path.read_text(encoding="utf-8"), 0
    for step in STEPS:
        found = re.compile(step).search(text, place)
        assert found is not None, step
        place = found.end()
    assert re.search(r"environment: production|when: manual|input message", text)
    names = {".gitlab-ci.yml": "gitlab", "Jenkinsfile": "jenkins"}
    target = names.get(path.name, "github")
    # test_cluster_release.py tests the rollback
    for line in ("pipeline-tests", "pipeline-scan", "pipeline-build", "pipeline-deploy"):
        plan.prove(line=line, target=target, how="rendered")


#: File -> exactly the targets that its schedules run.
BY_THE_CLOCK = {
    "nightly.yml": {"test-slow"},
    "weekly.yml": {"audit", "image", "scan"},
    ".gitlab-ci.yml": {"test-slow", "audit", "image", "scan"},
}


def _by_the_clock(path: Path) -> str:
    if path.name != ".gitlab-ci.yml":
        return path.read_text(encoding="utf-8")
    schedule = '$CI_PIPELINE_SOURCE == "schedule"'
    jobs = [job for _, job in _gitlab() if schedule in str(job["rules"])]
    assert {name for name, job in _gitlab() if job not in jobs} >= {"staging", "production"}
    return "\n".join(line for job in jobs for line in job["script"])


@pytest.mark.parametrize("name", BY_THE_CLOCK)
def test_a_clock_puts_nothing_in_place(name: str) -> None:
    (path,) = (path for path in FILES if path.name == name)
    assert set(re.findall(r"make ([a-z-]+)", _by_the_clock(path))) == BY_THE_CLOCK[name]


def test_jenkins_clock_puts_nothing_in_place() -> None:
    text = (ROOT / "Jenkinsfile").read_text(encoding="utf-8")
    stages = dict(re.findall(r"stage\('(\w+)'\) \{(.*?)(?=stage\(|\Z)", text, re.DOTALL))
    assert stages.keys() >= {"Nightly", "Weekly", "Image", "Staging", "Approval", "Production"}
    for name, stage in stages.items():
        if name in ("Nightly", "Weekly"):
            assert "when { triggeredBy 'TimerTrigger'" in stage
        elif name not in ("Check", "Test"):
            assert "when { branch 'main'; not { triggeredBy 'TimerTrigger' } }" in stage, name
    assert "make image PUSH=1" not in stages["Weekly"]


def _scanned(tmp_path: Path, *, found: int, **env: str) -> tuple[int, str]:
    """Run `make scan` with a fake Docker that records its arguments."""
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/told\nexit {found}\n')
    docker.chmod(0o755)
    argv = ["make", "--no-print-directory", "scan", "IMAGE=registry.example/maitred:2"]
    words = {"PATH": f"{tmp_path}:/usr/bin:/bin"} | env
    done = subprocess.run(argv, cwd=ROOT, env=words, capture_output=True, timeout=60, check=False)
    return done.returncode, (tmp_path / "told").read_text()


def test_an_image_is_scanned_by_a_fixed_tool_and_a_finding_stops(tmp_path: Path) -> None:
    code, told = _scanned(tmp_path, found=0)
    assert code == 0
    assert re.search(r" anchore/grype:v\d+\.\d+\.\d+@sha256:[0-9a-f]{64} ", told)
    assert " docker:registry.example/maitred:2 --config /deploy/grype.yaml " in told
    code, _ = _scanned(tmp_path, found=1)
    assert code != 0
    asked = _read(ROOT / "deploy" / "grype.yaml")
    assert (asked["fail-on-severity"], asked["only-fixed"]) == ("high", True)
    for each in asked["ignore"]:
        assert each["reason"], each


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_target_that_is_called_is_there(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    called = set(re.findall(r"make ([a-z-]+)(?= |'|$)", path.read_text(), re.MULTILINE))
    assert called
    assert called <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_the_nightly_tests_have_the_same_time_everywhere() -> None:
    (gitlab,) = (job for name, job in _gitlab() if name == "nightly")
    (workflow,) = (path for path in WORKFLOWS if path.name == "nightly.yml")
    assert gitlab["timeout"] == "3 hours"
    assert _read(workflow)["jobs"]["slow"]["timeout-minutes"] == 3 * 60


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_trust_little(path: Path) -> None:
    text, workflow = path.read_text(encoding="utf-8"), _read(path)
    for line in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    assert workflow["permissions"] == {"contents": "read"}
    writers = {
        name for name, job in workflow["jobs"].items() if "write" in str(job.get("permissions"))
    }
    assert writers <= {"image"}
    for name, job in workflow["jobs"].items():
        # GitLab's nightly job has the same limit
        assert job["timeout-minutes"] <= (180 if path.name == "nightly.yml" else 90), name
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False, name
            # untrusted values are passed by the environment, never interpolated into the script
            assert "${{" not in step.get("run", ""), name
