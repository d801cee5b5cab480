"""The containers' commands and checks, as they stand in the files, run without containers."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploy import smoke
from models.core.db import make_engine
from tests.architecture.tree import ROOT
from tests.deploy.test_containers import described
from tests.services.house import ShiftTimes, open_house
from tests.services.mariadb import MariaDB
from tests.services.ports import free_port
from tests.services.process import Process, wait_until
from tests.services.redis import RedisServer

pytestmark = pytest.mark.mariadb
RUN = ("web", "worker-allocation", "scheduler")
PATH = f"{Path(sys.executable).parent}:/usr/bin:/bin"


def of_the_image(instruction: str) -> list[str]:
    """The words of the last CMD or HEALTHCHECK of the Dockerfile."""
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    words = re.findall(rf"^{instruction} [^\[]*(\[.*\])$", text, re.MULTILINE)[-1]
    return list(json.loads(words))


@dataclass(frozen=True, slots=True)
class Containers:
    """One machine's containers; their folders are below `folder`, the web's port is `port`."""

    folder: Path
    port: int
    services: dict[str, Any]

    def here(self, words: list[str]) -> list[str]:
        """Words of a container with their paths and the port as they are on this machine."""
        moved = [
            re.sub(r"/(run|tmp|var/lib/maitred)/", rf"{self.folder}/\1/", word) for word in words
        ]
        return [word.replace("8080", str(self.port)) for word in moved]

    def environment(self, name: str) -> dict[str, str]:
        """The service's own, and what the image sets."""
        given = self.services[name]["environment"]
        values = self.here([str(value) for value in given.values()])
        image = {"PATH": PATH, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        return dict(zip(given, values, strict=True)) | image

    def process(self, name: str) -> Process:
        """The service's command, not started."""
        argv = self.here(self.services[name]["command"] or of_the_image("CMD"))
        return Process(
            name,
            [shutil.which(argv[0], path=PATH) or argv[0], *argv[1:]],
            log=self.folder / f"{name}.log",
            env=self.environment(name),
            cwd=self.folder / "var/lib/maitred",
        )

    def is_well(self, name: str) -> bool:
        """What the container's health check says."""
        test = self.services[name].get("healthcheck", {}).get("test")
        kind, *words = test or ["CMD", *of_the_image("HEALTHCHECK")]
        argv = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        # compose writes a dollar as two
        argv = [word.replace("$$", "$") for word in self.here(argv)]
        done = subprocess.run(
            argv, env={"PATH": PATH}, capture_output=True, timeout=30, check=False
        )
        return done.returncode == 0


@pytest.fixture(scope="module")
def containers(
    mariadb: MariaDB, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Containers:
    """The services, with this machine's database and Redis in their secrets."""
    folder = tmp_path_factory.mktemp("containers")
    for place in ("run/metrics", "tmp", "var/lib/maitred/keys", "var/lib/maitred/sms"):
        (folder / place).mkdir(parents=True)
    secrets = folder / "run" / "secrets"
    subprocess.run(["sh", ROOT / "deploy" / "secrets.sh", secrets], check=True, timeout=60)
    (secrets / "database_url").write_text(mariadb.new_database("containers"))
    (secrets / "redis_url").write_text(redis_server.url)
    return Containers(folder, free_port(), described()["services"])


@pytest.fixture(scope="module")
def running(containers: Containers) -> Iterator[dict[str, Process]]:
    """After `migrate` has ended well: the web process, a worker and the clock."""
    migrate = containers.process("migrate")
    migrate.start()
    wait_until(lambda: not migrate.is_running, seconds=60, what="the migrations")
    assert migrate.exit_code == 0, migrate.tail()
    started = {name: containers.process(name) for name in RUN}
    for process in started.values():
        process.start()
    yield started
    for process in reversed(started.values()):
        process.terminate()


def test_each_becomes_well_by_its_own_check(
    containers: Containers, running: dict[str, Process]
) -> None:
    for name in ("web", "worker-allocation"):
        running[name].wait_ready(lambda name=name: containers.is_well(name), seconds=90)  # type: ignore[misc]
    wait_until(lambda: "leading" in running["scheduler"].tail(), seconds=60, what="a leader")


def test_the_smoke_test_reserves_a_table_and_cancels_it(
    containers: Containers, running: dict[str, Process]
) -> None:
    running["web"].wait_ready(lambda: containers.is_well("web"), seconds=90)
    url = (containers.folder / "run/secrets/database_url").read_text()
    engine = make_engine(url, pool_size=1)
    try:
        open_house(engine, slug="smoke", shifts={"dinner": ShiftTimes()})
        open_house(engine, slug="closed", tables={})
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
