"""The compose file and the image, read by the tools that will run them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from honcho.environ import parse_procfile

from models.core.settings import Settings
from tasks.queues import QUEUES
from tests.architecture.tree import ROOT

BIN = Path(sys.executable).parent
SECRETS = {
    name: f"only-for-tests-{name}-only-for-tests"
    for name in (
        "SECRET_KEY",
        "MASTER_KEY",
        "FLOWER_PASSWORD",
        "MYSQL_PASSWORD",
        "MYSQL_ROOT_PASSWORD",
    )
}
HOUSE = {
    "web", "worker-allocation", "worker-messages", "worker-maintenance", "worker-backups",
    "scheduler", "flower",
}  # fmt: skip


def compose(*argv: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "docker-compose"), "--env-file", os.devnull, "config", *argv]
    home = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    return subprocess.run(
        command, cwd=ROOT, env=home | env, capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """What compose makes of the file."""
    done = compose("--format", "json", env=SECRETS)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_no_secret_has_a_default(name: str) -> None:
    done = compose("-q", env={key: value for key, value in SECRETS.items() if key != name})
    assert done.returncode != 0
    assert name in done.stderr


def test_every_process_of_the_procfile_runs_there(services: dict[str, Any]) -> None:
    procfile = parse_procfile((ROOT / "Procfile").read_text(encoding="utf-8")).processes
    assert set(procfile) == {
        "valkey", "mailbox", "web", "allocation", "messages", "backups", "scheduler",
        "flower",
    }  # fmt: skip
    assert HOUSE | {"mysql", "redis", "mail", "migrate"} == set(services)
    queues = [
        name
        for service in services.values()
        for flag, name in zip(
            service["command"] or [], (service["command"] or [])[1:], strict=False
        )
        if flag == "--queues"
    ]
    assert sorted(queues) == sorted(QUEUES)


def test_nothing_starts_before_what_it_needs(services: dict[str, Any]) -> None:
    for name in HOUSE:
        needs = {key: value["condition"] for key, value in services[name]["depends_on"].items()}
        assert needs == {"migrate": "service_completed_successfully", "redis": "service_healthy"}
    assert services["migrate"]["depends_on"]["mysql"]["condition"] == "service_healthy"
    for name in ("mysql", "redis", "web", "worker-allocation", "worker-messages"):
        assert services[name]["healthcheck"]["test"]


def test_nothing_is_open_to_the_network(services: dict[str, Any]) -> None:
    for service in services.values():
        assert {port["host_ip"] for port in service.get("ports", [])} <= {"127.0.0.1"}


def test_every_variable_of_the_house_is_a_setting_of_ours(services: dict[str, Any]) -> None:
    known = {name.upper() for name in Settings.model_fields}
    others = {"WORKER_SIGN_OF_LIFE", "FLOWER_ADDRESS", "PROMETHEUS_MULTIPROC_DIR"}
    for name in HOUSE:
        assert set(services[name]["environment"]) <= known | others, name


def test_the_image_is_as_hadolint_wants_it() -> None:
    done = subprocess.run(
        [str(BIN / "hadolint"), "--no-color", "deploy/Dockerfile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_gets_what_it_copies_and_no_more() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [line[1:] for line in lines if line.startswith("!")]
    assert lines[0] == "*"
    assert all((ROOT / path).exists() for path in kept)
    packages = {"models", "tasks", "workers", "schedules", "web", "deploy"}
    assert packages | {"examples", "pyproject.toml", "README.md"} <= set(kept)
