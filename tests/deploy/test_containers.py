"""The compose file and the image, read by the tools that will run them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
from honcho.environ import parse_procfile

from models.core import signals, tallies
from models.core.settings import Settings
from schedules.producer import make_producer
from tasks.app import make_app
from tasks.queues import QUEUES
from tests.architecture.tree import ROOT
from tests.services import surroundings
from tests.services.redis import RedisServer

BIN = Path(sys.executable).parent
SECRETS = {
    name: f"only-for-tests-{name}-only-for-tests"
    for name in (
        "SECRET_KEY",
        "MASTER_KEY",
        "FLOWER_PASSWORD",
        "MYSQL_PASSWORD",
        "REDIS_PASSWORD",
        "MYSQL_ROOT_PASSWORD",
    )
}
HOUSE = {
    "web", "worker-allocation", "worker-messages", "worker-maintenance", "worker-backups",
    "follower", "scheduler", "flower",
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
        "valkey", "mailbox", "web", "allocation", "messages", "backups", "follower",
        "scheduler", "flower",
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


def test_redis_lets_in_the_house_alone_and_to_no_more_than_it_needs(
    services: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = RedisServer(tmp_path)
    users = services["redis"]["command"][services["redis"]["command"].index("--user") :]
    server._process.argv += users
    server._answers = lambda: _refuses(server)  # type: ignore[method-assign]
    server.start()
    try:
        url = services["web"]["environment"]["REDIS_URL"]
        mine = url.replace("redis:6379", f"127.0.0.1:{server.port}")
        env = surroundings.environment(tmp_path, database_url="sqlite:////nowhere/at/all")
        surroundings.settle(monkeypatch, env | {"REDIS_URL": mine})
        _use_everything()
        for command in (
            "FLUSHALL",
            "CONFIG GET *",
            "KEYS *",
            "SHUTDOWN",
            "ACL LIST",
        ):
            with pytest.raises(redis.exceptions.NoPermissionError):
                signals.client().execute_command(*command.split())  # type: ignore[no-untyped-call]
    finally:
        server.kill()
        surroundings.forget_everything()


def _refuses(server: RedisServer) -> bool:
    with server.client() as client:
        try:
            client.ping()
        except redis.AuthenticationError:
            return True
        except redis.ConnectionError:
            return False
        raise AssertionError("it lets in whoever comes")


def _use_everything() -> None:
    """What the house does with Redis: memory, tallies, cache, broker, control of the workers."""
    assert signals.is_up()
    assert signals.claim_nudge("x")
    signals.start_on("x")
    signals.signal_decided([("reservation", 1)])
    assert signals.wait_decided("reservation", 1, 1)
    signals.mark_changing([(1, "2026-03-06")])
    signals.mark_changed([(1, "2026-03-06")])
    assert tallies._in_redis(["tally:x:y:1"], [60], 1) == [1]
    for app in (make_app(), make_producer()):
        app.send_task("nothing.at.all", queue="acl", retry=False)
        with app.connection_for_read() as line:
            queue = line.SimpleQueue("acl")
            assert queue.get(timeout=5).headers["task"] == "nothing.at.all"
            queue.close()
    assert make_app().control.inspect(timeout=0.2).ping() is None
