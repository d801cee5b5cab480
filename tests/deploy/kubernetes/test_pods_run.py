"""The pods' own commands, run without a cluster: production's overlay starts and becomes `ready`.

Uses the commands, settings, probes and secret names of the manifests, with this machine's MariaDB,
Redis and mail server in the Secret, and a folder instead of the bucket.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from deploy import smoke
from models.core.database.transactions import make_engine
from tasks.queues import QUEUES
from tests.architecture.tree import ROOT
from tests.deploy.containers.test_containers import of_the_image
from tests.deploy.containers.test_containers_run import PATH
from tests.deploy.kubernetes.test_kubernetes import K8S, Manifest, built
from tests.services import plan
from tests.services.ports import free_port
from tests.services.running.process import Process, wait_until
from tests.services.running.restaurant import ShiftTimes, open_restaurant
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.mariadb]
WORKERS = tuple(f"worker-{queue}" for queue in QUEUES)
RUN = ("web", *WORKERS, "scheduler", "flower", "follower")
PODS = "the pods' own commands, settings and probes, without a cluster"
KEY = "only for tests, and long enough to be a key"


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of production; their mounts are below `folder`."""

    folder: Path
    port: int
    flower_port: int
    pods: dict[str, Manifest]
    settings: dict[str, str]
    secret: dict[str, str]

    def here(self, word: str) -> str:
        """Replace paths and ports in this argument by those of this machine."""
        moved = re.sub(
            r"/(run|tmp|var/tmp|var/spool|var/lib/maitred)\b", rf"{self.folder}/\1", word
        )
        return moved.replace("8080", str(self.port))

    def environment(self, name: str) -> dict[str, str]:
        """Return the variables of the ConfigMap and the pod, and none of this process."""
        (container,) = self.pods[name]["containers"]
        found = {key: self.here(value) for key, value in self.settings.items()}
        for each in container["env"]:
            if "value" in each:
                found[each["name"]] = self.here(each["value"])
            elif (ref := each["valueFrom"]["secretKeyRef"])["key"] in self.secret:
                found[each["name"]] = self.secret[ref["key"]]
        # pods can reuse port numbers, processes here cannot
        found["METRICS_PORT"] = str(free_port())
        found |= {"FLOWER_PORT": str(self.flower_port)} if name == "flower" else {}
        image = {"PATH": PATH, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        return found | image

    def process(self, name: str, *words: str) -> Process:
        """Return the pod's command, or another as by `kubectl exec`; not started."""
        (container,) = self.pods[name]["containers"]
        argv = [self.here(word) for word in words or container.get("args") or of_the_image("CMD")]
        program = shutil.which(argv[0], path=PATH) or argv[0]
        log = self.folder / f"{name}{'-exec' if words else ''}.log"
        env, cwd = self.environment(name), self.folder / "var/lib/maitred"
        return Process(name, [program, *argv[1:]], log=log, env=env, cwd=cwd)

    def execute(self, name: str, *words: str) -> None:
        """Run a command in that pod, which must succeed."""
        process = self.process(name, *words)
        process.start()
        wait_until(lambda: not process.is_running, seconds=120, what=" ".join(words))
        assert process.exit_code == 0, process.tail()

    def ready(self) -> dict[str, Any]:
        """Return the answer of /readyz."""
        try:
            found: dict[str, Any] = httpx.get(
                f"http://127.0.0.1:{self.port}/readyz", timeout=10
            ).json()
        except httpx.HTTPError as error:
            return {"status": str(error)}
        return found

    def late(self) -> list[str] | None:
        """Return the overdue items of the health job; None before its first run."""
        health = self.ready().get("health")
        return None if health is None else list(health["late"])

    def is_alive(self, name: str) -> bool:
        """Run the pod's liveness probe, which must be a command."""
        (container,) = self.pods[name]["containers"]
        argv = [self.here(word) for word in container["livenessProbe"]["exec"]["command"]]
        return subprocess.run(argv, env={"PATH": PATH}, check=False, timeout=30).returncode == 0


@pytest.fixture(scope="module")
def pods(
    redis_server: RedisServer, _mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pods]:
    """Production's pods with this machine's servers; the database writes a binary log."""
    folder = tmp_path_factory.mktemp("pods")
    for place in ("run/metrics", "tmp", "var/tmp", "var/spool", "var/lib/maitred/keys"):
        (folder / place).mkdir(parents=True)
    manifests = built(K8S / "overlays" / "production")
    (config,) = (each for each in manifests if each["kind"] == "ConfigMap")
    server = MariaDB(tmp_path_factory.mktemp("database"), durable=True)
    server.start()
    secret = {
        "DATABASE_URL": server.new_database("pods"), "REDIS_URL": redis_server.url,
        "SECRET_KEY": KEY, "MASTER_KEY": KEY, "BACKUP_KEY": KEY, "FLOWER_PASSWORD": KEY,
        "SMTP_URL": _mailbox.url, "BACKUP_URL": "",
    }  # fmt: skip
    found = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in manifests
        if each["kind"] in ("Deployment", "Job")
    }
    store = {"BACKUP_STORE": "/var/lib/maitred/backups"}
    yield Pods(folder, free_port(), free_port(), found, config["data"] | store, secret)
    server.kill()


@pytest.fixture(scope="module")
def running(pods: Pods) -> Iterator[dict[str, Process]]:
    """Run `migrate` to its end, then start each process."""
    migrate = pods.process("migrate")
    migrate.start()
    wait_until(lambda: not migrate.is_running, seconds=90, what="the migrations")
    assert migrate.exit_code == 0, migrate.tail()
    started = {name: pods.process(name) for name in RUN}
    for process in started.values():
        process.start()
    yield started
    for process in reversed(started.values()):
        process.terminate()


def test_production_starts_to_ready_with_nothing_degraded(
    pods: Pods, running: dict[str, Process]
) -> None:
    running["web"].wait_ready(lambda: pods.late() is not None, seconds=90)
    # the documented steps after the first release
    pods.execute("worker-backups", "maitred", "backup", "create")
    pods.execute("worker-backups", "maitred", "backup", "drill")
    wait_until(lambda: pods.late() == [], seconds=120, what="nothing late")
    assert pods.ready()["status"] == "ready"
    assert all(process.is_running for process in running.values())
    assert list((pods.folder / "var/lib/maitred/backups").rglob("*log*"))
    for name in WORKERS:
        assert pods.is_alive(name), name
    plan.prove(
        line="production", target="kubernetes", how="rehearsed",
        figure=f"{len(running)} pods' own commands and settings, ready with nothing degraded",
    )  # fmt: skip
    # without the follower the log becomes overdue
    running["follower"].terminate()
    wait_until(lambda: pods.late() == ["log"], seconds=150, what="the log is late")
    assert pods.ready()["status"] == "degraded"
    running["follower"].start()
    wait_until(lambda: pods.late() == [], seconds=90, what="the log is kept again")
    for line in ("backup-full", "backup-log", "backup-drilled", "health"):
        plan.prove(line=line, target="kubernetes", how="rehearsed", figure=PODS)


def test_production_reserves_a_table_and_cancels_it(
    pods: Pods, running: dict[str, Process]
) -> None:
    running["web"].wait_ready(lambda: pods.late() is not None, seconds=90)
    engine = make_engine(pods.secret["DATABASE_URL"], pool_size=1)
    try:
        open_restaurant(engine, slug="smoke", shifts={"dinner": ShiftTimes()})
    finally:
        engine.dispose()
    done = CliRunner().invoke(smoke.main, [f"http://127.0.0.1:{pods.port}", "smoke"])
    assert done.exit_code == 0, done.output
    plan.prove(line="first-start", target="kubernetes", how="rehearsed", figure=PODS)
