"""The compose file and the image, checked by the tools that will run them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis

from deploy import compose_traffic
from deploy.procfile import commands_of
from models.core.redis import counters, signals
from models.core.secrets.by_process import SECRETS, needed_by
from models.core.settings import Settings
from schedules.producer import make_producer
from tasks.app import make_app
from tasks.queues import QUEUES
from tests.architecture.tree import ROOT
from tests.services import plan
from tests.services.running import surroundings
from tests.services.servers.redis import RedisServer

BIN = Path(sys.executable).parent
PROCESSES = {
    "web", "worker-allocation", "worker-messages", "worker-maintenance", "worker-backups",
    "follower", "scheduler", "flower",
}  # fmt: skip
WATCH = {
    "prometheus", "alertmanager", "grafana", "elasticsearch", "logstash", "kibana", "filebeat",
    "logs-setup", "kibana-setup",
}  # fmt: skip
ONCE = {"migrate", "logs-setup", "kibana-setup"}
#: setting -> its secret's file, where the names differ
FILES = {"OTEL_EXPORTER_OTLP_HEADERS": "otlp_headers"}
#: secrets without a file in secrets/
OPTIONAL = {
    "BACKUP_OLD_KEY", "METRICS_TOKEN", "SMTP_TOKEN_FILE", "SMTP_TOKEN_COMMAND",
}  # fmt: skip
SHIPPED = {
    "IMAGE": "registry.example/maitred:1",
    "PUBLIC_URL": "https://book.example",
    "SERVER_NAME": "book.example",
    "SMS_CHANNEL": "off",
    "BACKUP_STORE": "/var/lib/maitred/backups",
}


def of_the_image(instruction: str) -> list[str]:
    """Return the words of the last CMD or HEALTHCHECK of the Dockerfile."""
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    words = re.findall(rf"^{instruction} [^\[]*(\[.*\])$", text, re.MULTILINE)[-1]
    return list(json.loads(words))


def compose(
    *argv: str, files: tuple[str, ...] = (), env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `docker compose` with these arguments on the file and its overrides, without a .env."""
    named = [f"-f=docker-compose{kind}.yml" for kind in ("", *files)]
    command = [str(BIN / "docker-compose"), "--env-file", os.devnull, *named, *argv]
    home = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    return subprocess.run(
        command, cwd=ROOT, env=home | (env or {}), capture_output=True, text=True, timeout=60
    )


def described(*argv: str, files: tuple[str, ...] = (), **env: str) -> dict[str, Any]:
    """Return the configuration as resolved by compose."""
    done = compose(*argv, "config", "--format", "json", files=files, env=env)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of a plain `docker compose up`."""
    found: dict[str, Any] = described()["services"]
    return found


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that deploy/secrets.sh creates."""
    folder = tmp_path_factory.mktemp("installation") / "secrets"
    subprocess.run(["sh", ROOT / "deploy" / "secrets.sh", folder], check=True, timeout=60)
    return folder


@pytest.mark.parametrize("profile", [(), ("--profile", "watch")], ids=["alone", "watched"])
@pytest.mark.parametrize("files", [(), (".development",), (".production",)], ids=str)
def test_every_combination_is_valid(profile: tuple[str, ...], files: tuple[str, ...]) -> None:
    done = compose(*profile, "config", "-q", files=files, env=SHIPPED)
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("development", "production"):
        if not files or f".{name}" in files:
            plan.prove(
                line=name, target="compose", how="rendered", figure="compose takes the files"
            )


def test_the_watchers_come_by_their_profile_alone(services: dict[str, Any]) -> None:
    assert PROCESSES | {"mysql", "redis", "migrate", "nginx"} == set(services)
    watched = described("--profile", "watch")["services"]
    assert set(watched) - set(services) == WATCH
    for name in WATCH:
        for volume in watched[name].get("volumes", []):
            source = Path(volume["source"])
            assert volume["type"] == "volume" or source.exists() or "docker" in source.parts


def test_in_development_a_mail_catcher_is_there(services: dict[str, Any]) -> None:
    assert "mail" not in services
    assert "mail" in described(files=(".development",))["services"]


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_production_starts_with_nothing_left_out(name: str) -> None:
    env = {key: value for key, value in SHIPPED.items() if key != name}
    done = compose("config", "-q", files=(".production",), env=env)
    assert done.returncode != 0
    assert name in done.stderr


def test_production_is_the_image_that_was_built_and_open_on_two_ports() -> None:
    shipped = described(files=(".production",), **SHIPPED)["services"]
    for name in PROCESSES | {"migrate"}:
        assert "build" not in shipped[name]
        assert shipped[name]["image"] == SHIPPED["IMAGE"]
        assert shipped[name]["environment"]["PUBLIC_URL"] == SHIPPED["PUBLIC_URL"]
    assert [port["published"] for port in shipped["nginx"]["ports"]] == ["80", "443"]


def test_every_secret_is_a_file_that_is_made(secrets: Path) -> None:
    wanted = described("--profile", "watch")["secrets"]
    assert {Path(secret["file"]).name for secret in wanted.values()} == {
        file.name for file in secrets.iterdir()
    }
    made = {file.name: file.read_bytes() for file in secrets.iterdir()}
    assert secrets.stat().st_mode & 0o777 == 0o700
    subprocess.run(["sh", ROOT / "deploy" / "secrets.sh", secrets], check=True, timeout=60)
    assert made == {file.name: file.read_bytes() for file in secrets.iterdir()}
    assert len(made["secret_key"]) > 64
    assert made["secret_key"] != made["master_key"]


def test_no_secret_stands_in_an_environment(services: dict[str, Any]) -> None:
    telling = re.compile("PASSWORD|KEY|TOKEN|DATABASE_URL|REDIS_URL|SMTP_URL")
    for name, service in services.items():
        for variable in service.get("environment") or {}:
            assert not telling.search(variable) or variable.endswith("_FILE"), (name, variable)
        for variable, path in (service.get("environment") or {}).items():
            if str(path).startswith("/run/secrets/"):
                given = {secret["source"] for secret in service["secrets"]}
                assert Path(path).name in given, (name, variable)


def test_each_service_is_given_the_secrets_of_the_table_and_no_more(
    services: dict[str, Any],
) -> None:
    for name in PROCESSES | {"migrate"}:
        process = name.removeprefix("worker-")
        service = services[name]
        assert service["environment"]["PROCESS"] == process
        given = {
            variable if variable in SECRETS else variable.removesuffix("_FILE")
            for variable in service["environment"]
        } & SECRETS
        # operators add secrets without a file in secrets/ themselves
        assert given == needed_by(process) - OPTIONAL, name
        files = {secret["source"] for secret in service.get("secrets", [])}
        wanted = {FILES.get(each, each.lower()) for each in given - {"SENTRY_DSN"}}
        stores = {"aws_credentials"} if process in ("backups", "follower") else set()
        assert files == wanted | stores, name
        mounts = {volume["target"] for volume in service.get("volumes", [])}
        assert ("/var/lib/maitred/keys" in mounts) == ("MASTER_KEY" in given), name
    plan.prove(line="secrets", target="compose", how="rendered")


def test_the_restaurant_runs_closed_in(services: dict[str, Any]) -> None:
    for name in PROCESSES | {"migrate"}:
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert any(place.startswith("/tmp") for place in service["tmpfs"])
    for name, service in described("--profile", "watch")["services"].items():
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory"} <= limits.keys(), name
        assert service["restart"] == ("no" if name in ONCE else "unless-stopped"), name
    assert described()["networks"]["data"]["internal"] is True
    assert all(set(services[name]["networks"]) == {"data"} for name in ("mysql", "redis"))


def test_every_process_of_the_procfile_runs_there(services: dict[str, Any]) -> None:
    procfile = commands_of(ROOT)
    assert set(procfile) == {
        "valkey", "mailbox", "web", "allocation", "messages", "backups", "follower",
        "scheduler", "flower",
    }  # fmt: skip
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
    for name in PROCESSES:
        needs = {key: value["condition"] for key, value in services[name]["depends_on"].items()}
        assert needs == {"migrate": "service_completed_successfully", "redis": "service_healthy"}
    assert services["migrate"]["depends_on"]["mysql"]["condition"] == "service_healthy"
    assert services["nginx"]["depends_on"]["web"]["condition"] == "service_healthy"
    for name in ("mysql", "redis", "nginx", "web", "flower", "worker-allocation"):
        assert services[name]["healthcheck"]["test"]


def test_web_is_the_image_s_own_command_on_a_socket_that_nginx_has_too(
    services: dict[str, Any],
) -> None:
    web, nginx = services["web"], services["nginx"]
    assert web["command"] == ["python", "-m", "deploy.live", "serve", *of_the_image("CMD")]
    assert web["healthcheck"]["test"] == ["CMD", "python", "-m", "deploy.live", "check"]
    place = web["environment"]["WEB_SOCKETS"]
    mounts = [
        next(volume for volume in service["volumes"] if volume.get("target") == place)
        for service in (web, nginx)
    ]
    assert [(one["source"], one.get("read_only", False)) for one in mounts] == [
        ("sockets", False),
        ("sockets", True),
    ]
    upstreams = (ROOT / "deploy/nginx/compose/upstreams.conf").read_text(encoding="utf-8")
    assert f"server unix:{place}/{compose_traffic.LINK} " in upstreams


def test_no_service_relies_on_the_mode_of_a_tmpfs_that_the_image_does_not_have(
    services: dict[str, Any],
) -> None:
    """runc before 1.1.8 loses the mode when a container is restarted."""
    for name in PROCESSES | {"migrate"}:
        assert services[name]["tmpfs"] == ["/tmp:mode=1777"], name  # nosec B108
        folder = services[name]["environment"].get("METRICS_DIR", "/tmp/below")  # nosec B108
        assert folder.startswith("/tmp/"), name  # nosec B108


def test_an_upgrade_takes_every_process_of_ours_along(services: dict[str, Any]) -> None:
    script = ROOT / "deploy" / "upgrade.sh"
    found = re.search(r'^BESIDE="(.*)"$', script.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    beside = set(found[1].split())
    assert beside | {"flower"} == PROCESSES
    # two containers of one service run in parallel, so they cannot have a fixed port or name
    for name in beside:
        assert not {"ports", "container_name"} & services[name].keys(), name
    scripts = [script, ROOT / ".ci" / "docker", *(ROOT / "deploy" / "mysql").glob("*.sh")]
    done = subprocess.run(
        [str(BIN / "shellcheck"), *map(str, scripts)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == ""


def test_no_config_is_written_into_a_closed_root() -> None:
    """With `read_only`, Compose rejects a config that has `content`, and starts nothing."""
    for name, service in described("--profile", "watch")["services"].items():
        assert not (service.get("read_only") and service.get("configs")), name


def test_the_log_is_followed_wherever_backups_are_made() -> None:
    shipped = described(files=(".production",), **SHIPPED)["services"]
    for name in PROCESSES | {"migrate"}:
        assert shipped[name]["environment"]["BACKUP_LOG"] == "on", name
    follower, mysql = shipped["follower"], shipped["mysql"]
    mounts = {volume["target"] for volume in follower["volumes"]}
    assert {follower["environment"]["LOG_SPOOL"], "/var/lib/maitred/backups"} <= mounts
    first = [volume for volume in mysql["volumes"] if "initdb" in volume["target"]]
    account = Path(first[0]["source"]).read_text(encoding="utf-8")
    page = (ROOT / "docs/recovery.md").read_text(encoding="utf-8")
    granted = re.findall(r"^GRANT .*$", account, re.MULTILINE)
    assert granted
    assert granted == re.findall(r"^GRANT .* TO backup;$", page, re.MULTILINE)


def test_nothing_is_open_to_the_network(services: dict[str, Any]) -> None:
    for service in services.values():
        assert {port["host_ip"] for port in service.get("ports", [])} <= {"127.0.0.1"}


def test_every_variable_of_the_restaurant_is_a_setting_of_ours(services: dict[str, Any]) -> None:
    known = {name.upper() for name in Settings.model_fields}
    others = {"WORKER_SIGN_OF_LIFE", "FLOWER_ADDRESS", "PROMETHEUS_MULTIPROC_DIR", "TMPDIR"}
    others |= {"AWS_SHARED_CREDENTIALS", "AWS_DEFAULT_REGION"}  # boto3's own
    others |= {"WEB_SOCKETS"}  # of deploy/compose_traffic.py
    for name in PROCESSES:
        given = {
            variable if variable in known else variable.removesuffix("_FILE")
            for variable in services[name]["environment"]
        }
        assert given <= known | others, name


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


def test_redis_lets_in_the_restaurant_alone_and_to_no_more_than_it_needs(
    services: dict[str, Any], secrets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = RedisServer(tmp_path)
    command = services["redis"]["command"]
    assert command[command.index("--aclfile") + 1] == "/run/secrets/redis_acl"
    server._process.argv += ["--aclfile", str(secrets / "redis_acl")]
    server._answers = lambda: _refuses(server)  # type: ignore[method-assign]
    server.start()
    try:
        url = (secrets / "redis_url").read_text(encoding="utf-8").strip()
        mine = url.replace("redis:6379", f"127.0.0.1:{server.port}")
        env = surroundings.environment(tmp_path, database_url="sqlite:////proc/nowhere")
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
    """Use everything that Maitred needs of Redis: signals, counters, broker, control of workers."""
    assert signals.is_up()
    assert signals.claim_nudge("x")
    signals.start_on("x")
    signals.signal_decided([("reservation", 1)])
    assert signals.wait_decided("reservation", 1, 1)
    signals.mark_changing([(1, "2026-03-06")])
    signals.mark_changed([(1, "2026-03-06")])
    assert counters._in_redis(["tally:x:y:1"], [60], 1) == [1]
    for app in (make_app(), make_producer()):
        app.send_task("nothing.at.all", queue="acl", retry=False)
        with app.connection_for_read() as line:
            queue = line.SimpleQueue("acl")
            assert queue.get(timeout=5).headers["task"] == "nothing.at.all"
            queue.close()
    assert make_app().control.inspect(timeout=0.2).ping() is None
