"""The containers' commands and checks from the compose file, run without containers."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from deploy import smoke
from models.core.database.transactions import make_engine
from models.core.secrets.by_process import SECRETS, needed_by
from tasks.queues import QUEUES
from tests.architecture.tree import ROOT
from tests.deploy.containers.test_containers import described, of_the_image
from tests.deploy.hosts.test_nginx import nginx_program
from tests.services import plan
from tests.services.ports import free_port
from tests.services.running.process import Process, wait_until
from tests.services.running.restaurant import ShiftTimes, open_restaurant
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.mariadb]
WORKERS = tuple(f"worker-{queue}" for queue in QUEUES)
RUN = ("web", *WORKERS, "follower", "scheduler", "flower")
PATH = f"{Path(sys.executable).parent}:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Containers:
    """One machine's containers; their folders are below `folder`, `port` replaces nginx's 8080."""

    folder: Path
    #: a short path of its own: a socket's path may have at most 107 bytes
    sockets: Path
    port: int
    flower_port: int
    services: dict[str, Any]

    def here(self, words: list[str]) -> list[str]:
        """Replace a container's paths and ports in these arguments by those of this machine."""
        moved = [
            re.sub(r"/(run|tmp|var/lib/maitred)/", rf"{self.folder}/\1/", word) for word in words
        ]
        return [
            word.replace("8080", str(self.port)).replace(":5555", f":{self.flower_port}")
            for word in moved
        ]

    def environment(self, name: str) -> dict[str, str]:
        """Return the variables of the service and the image, and none of this process."""
        given = self.services[name]["environment"]
        values = self.here([str(value) for value in given.values()])
        if "WEB_SOCKETS" in given:
            values[list(given).index("WEB_SOCKETS")] = str(self.sockets)
        image = {"PATH": PATH, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        # containers can reuse port numbers, processes here cannot
        ports = {"FLOWER_PORT": str(self.flower_port)} if name == "flower" else {}
        if "METRICS_PORT" in given:
            ports["METRICS_PORT"] = str(free_port())
        return dict(zip(given, values, strict=True)) | image | ports

    def process(self, name: str) -> Process:
        """Return the service's command as a process, not started."""
        argv = self.here(self.services[name]["command"] or of_the_image("CMD"))
        return Process(
            name,
            [shutil.which(argv[0], path=PATH) or argv[0], *argv[1:]],
            log=self.folder / f"{name}.log",
            env=self.environment(name),
            cwd=self.folder / "var/lib/maitred",
        )

    def nginx(self) -> Process:
        """The internal entry point, with the upstreams file that the compose file mounts."""
        upstreams = (ROOT / "deploy/nginx/compose/upstreams.conf").read_text(encoding="utf-8")
        upstreams = upstreams.replace("listen 8080", f"listen 127.0.0.1:{self.port}")
        upstreams = upstreams.replace("/var/lib/maitred/sockets", str(self.sockets))
        places = "".join(
            f"{kind}_temp_path {self.folder}/tmp/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        conf = self.folder / "nginx.conf"
        conf.write_text(
            f"user root;\npid {self.folder}/nginx.pid;\nevents {{}}\n"
            f"http {{\n{places}{upstreams}}}\n"
        )
        argv = [nginx_program(), "-c", str(conf), "-p", str(self.folder), "-g", "daemon off;"]
        return Process("nginx", argv, log=self.folder / "nginx.log")

    def is_well(self, name: str) -> bool:
        """Run the container's health check."""
        test = self.services[name]["healthcheck"]["test"]
        kind, *words = test
        argv = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        # compose escapes a dollar sign by doubling it
        argv = [word.replace("$$", "$") for word in self.here(argv)]
        done = subprocess.run(
            argv, env=self.environment(name), capture_output=True, timeout=30, check=False
        )
        return done.returncode == 0


@pytest.fixture(scope="module")
def containers(
    mariadb: MariaDB,
    redis_server: RedisServer,
    _mailbox: Mailbox,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Containers]:
    """The services, with this machine's database, Redis and mail server in their secrets."""
    folder = tmp_path_factory.mktemp("containers")
    sockets = Path(tempfile.mkdtemp(prefix="web"))
    for place in ("run", "tmp", *(f"var/lib/maitred/{name}" for name in ("keys", "sms", "spool"))):
        (folder / place).mkdir(parents=True)
    secrets = folder / "run" / "secrets"
    subprocess.run(["sh", ROOT / "deploy" / "secrets.sh", secrets], check=True, timeout=60)
    database = mariadb.new_database("containers")
    for name in ("database_url", "backup_url"):
        (secrets / name).write_text(database)
    (secrets / "redis_url").write_text(redis_server.url)
    (secrets / "smtp_url").write_text(_mailbox.url)
    services = described(BACKUP_STORE="/var/lib/maitred/backups")["services"]
    yield Containers(folder, sockets, free_port(), free_port(), services)
    shutil.rmtree(sockets)


@pytest.fixture(scope="module")
def running(containers: Containers) -> Iterator[dict[str, Process]]:
    """Run `migrate` to its end, then start each process with its own service's settings."""
    migrate = containers.process("migrate")
    migrate.start()
    wait_until(lambda: not migrate.is_running, seconds=60, what="the migrations")
    assert migrate.exit_code == 0, migrate.tail()
    started = {name: containers.process(name) for name in RUN} | {"nginx": containers.nginx()}
    for process in started.values():
        process.start()
    yield started
    for process in reversed(started.values()):
        process.terminate()


def test_each_becomes_well_by_its_own_check(
    containers: Containers, running: dict[str, Process]
) -> None:
    for name in ("web", "worker-allocation", "worker-messages", "worker-maintenance", "flower"):
        running[name].wait_ready(lambda name=name: containers.is_well(name), seconds=90)  # type: ignore[misc]
    wait_until(lambda: "leading" in running["scheduler"].tail(), seconds=60, what="a leader")


def test_the_smoke_test_reserves_a_table_and_cancels_it(
    containers: Containers, running: dict[str, Process]
) -> None:
    running["web"].wait_ready(lambda: containers.is_well("web"), seconds=90)
    url = (containers.folder / "run/secrets/database_url").read_text()
    engine = make_engine(url, pool_size=1)
    try:
        open_restaurant(engine, slug="smoke", shifts={"dinner": ShiftTimes()})
        open_restaurant(engine, slug="closed", tables={})
    finally:
        engine.dispose()
    here = f"http://127.0.0.1:{containers.port}"
    well = CliRunner().invoke(smoke.main, [here, "smoke"])
    assert well.exit_code == 0, well.output
    assert re.search(r"smoke: confirmed after \d+\.\d s, and cancelled", well.output)
    closed = CliRunner().invoke(smoke.main, [here, "closed"])
    assert (closed.exit_code, "no table for two" in closed.output) == (1, True)
    gone = CliRunner().invoke(smoke.main, [f"http://127.0.0.1:{free_port()}", "smoke"])
    assert (gone.exit_code, "does not answer" in gone.output) == (1, True)


def test_with_its_own_secrets_alone_each_process_does_its_work(
    containers: Containers, running: dict[str, Process], _mailbox: Mailbox
) -> None:
    running["web"].wait_ready(lambda: containers.is_well("web"), seconds=90)
    url = (containers.folder / "run/secrets/database_url").read_text()
    engine = make_engine(url, pool_size=1)
    try:
        open_restaurant(engine, slug="shared-out", shifts={"dinner": ShiftTimes()})
    finally:
        engine.dispose()
    guest = "guest@example.com"
    here = f"http://127.0.0.1:{containers.port}"
    # the web process answers, a worker decides
    well = CliRunner().invoke(smoke.main, [here, "shared-out", "--email", guest])
    assert well.exit_code == 0, well.output
    # a sender sends; after an immediate cancellation perhaps only the cancellation message
    _mailbox.wait_for(1, recipient=guest, seconds=60)
    # the scheduler triggers a backup, which is made
    made = containers.folder / "var/lib/maitred/backups"
    wait_until(lambda: list(made.glob("*.sealed")), seconds=120, what="a backup")
    # the operators' page accepts Flower's password
    password = (containers.folder / "run/secrets/flower_password").read_text().strip()
    status = httpx.get(f"{here}/status/operators", auth=("operator", password), timeout=10)
    assert status.status_code == 200
    assert all(process.is_running for process in running.values())
    plan.prove(
        line="secrets",
        target="compose",
        how="rehearsed",
        figure=f"{len(running)} processes, each with its own alone",
    )


@pytest.mark.parametrize("name", RUN)
def test_a_secret_that_is_not_given_is_not_read_elsewhere(
    containers: Containers, name: str
) -> None:
    given = containers.environment(name)
    others = SECRETS - needed_by(given["PROCESS"])
    assert not others & given.keys()
    assert not {f"{each}_FILE" for each in others} & given.keys()


def test_a_command_says_which_secret_its_container_lacks(containers: Containers) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "backup", "create"],
        env=containers.environment("web"),
        cwd=containers.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "BACKUP_KEY: the process web does not get it" in done.stderr
