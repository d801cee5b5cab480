"""The image is built by its Dockerfile, and each process runs read-only and as nobody."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.tree import ROOT
from tests.deploy.containers.test_containers import PROCESSES, described
from tests.rehearsal.containers import images
from tests.rehearsal.containers.box import Box, Image
from tests.rehearsal.containers.building import Builder, as_image
from tests.rehearsal.containers.network import Network
from tests.services import plan
from tests.services.missing import go_without, require_program
from tests.services.running.process import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]

SERVERS = {"mysql": images.mysql, "redis": images.redis}
#: These settings of the compose file's `web` belong to its upgrades; here the image's own command
#: and health check are used.
NOT_THE_IMAGES = ("command", "healthcheck")
METRICS = ("METRICS_DIR", "PROMETHEUS_MULTIPROC_DIR", "WEB_SOCKETS")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image, built here."""
    if os.geteuid() != 0:
        go_without("root (an image is unpacked with its owners)")
    for program in ("buildah", "debootstrap", "runc", "ip", "mariadbd", "redis-server"):
        require_program(program)
    builder = Builder(tmp_path_factory.mktemp("image"))
    began = time.monotonic()
    builder.make_base()
    made = time.monotonic()
    builder.build()
    print(f"the base: {made - began:.0f} s, the image: {time.monotonic() - made:.0f} s", flush=True)
    with builder.unpacked() as root:
        yield as_image(builder.config(), root)


def test_every_process_of_the_image_runs_read_only_and_as_nobody(
    image: Image, tmp_path: Path
) -> None:
    assert (image.uid, image.env["RELEASE_NAME"]) == (10001, "rehearsed")
    services: dict[str, Any] = described(BACKUP_STORE="/var/lib/maitred/backups")["services"]
    ours = ["migrate", *sorted(PROCESSES)]
    web = services["web"] = {k: v for k, v in services["web"].items() if k not in NOT_THE_IMAGES}
    web["environment"] = {k: v for k, v in web["environment"].items() if k not in METRICS}
    subprocess.run(["sh", ROOT / "deploy" / "secrets.sh", tmp_path / "secrets"], check=True)
    names = [*SERVERS, *ours]
    with Network(f"image{os.getpid()}", names, sys.executable) as network:
        boxes = {
            name: Box(
                name, services[name], SERVERS[name]() if name in SERVERS else image,
                tmp_path, network,
            )
            for name in names
        }  # fmt: skip
        try:
            _play(boxes, ours)
        finally:
            for name in reversed(names):
                boxes[name].stop()
    plan.prove(line="pipeline-build", target="github", how="rehearsed")


def _play(boxes: dict[str, Box], ours: list[str]) -> None:
    for name, box in boxes.items():
        box.start()
        if name == "migrate":
            assert box.await_end() == 0, box.tail()
        elif name not in ("scheduler", "follower"):  # they have no check of their own
            box.await_well()
    web = boxes["web"]
    # a database's needs are installed: its driver, and the programs that back it up
    for words in (
        ("restaurant", "load", "/src/examples/demo.toml"), ("backup", "create"), ("check",),
    ):  # fmt: skip
        where = boxes["worker-backups"] if words[0] == "backup" else web
        done = where.inside("maitred", *words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    smoke = ("python", "-m", "deploy.smoke", "http://127.0.0.1:8080", "demo")
    wait_until(
        lambda: "confirmed" in web.inside(*smoke).stdout, seconds=60, what="a table", every=2
    )
    for name in ours:
        if name != "migrate":
            assert boxes[name].exit_code is None, f"{name}: {boxes[name].tail()}"
            assert boxes[name].inside("id", "-u").stdout.strip() == "10001", name
            assert boxes[name].inside("touch", "/src/x").returncode, name
