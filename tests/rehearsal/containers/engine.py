"""A separate Docker engine (Debian's), in its own folder and network namespace.

`sh .ci/docker` installs it. Compose is the real one, too, so the file is tested as it will be read,
and the commands of the page as they will be typed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.architecture.tree import ROOT
from tests.rehearsal.containers.network import run
from tests.services.missing import go_without
from tests.services.running.process import Process

#: The folder that `.ci/docker` fills; a default without the variable.
PLACE: Final = "MAITRED_TESTS_DOCKER"
BIN: Final = Path(sys.executable).parent
_ALONE: Final = ("--iptables=false", "--ip6tables=false", "--ip-masq=false", "--bridge=none")


def programs() -> Path:
    """The folder of dockerd, containerd and docker. Leaves the test out without them."""
    found = Path(os.environ.get(PLACE) or ROOT / "build" / "docker").absolute() / "bin"
    return found if (found / "dockerd").exists() else go_without("a Docker engine (sh .ci/docker)")


class Engine:
    """`with Engine(folder)`: runs an engine, and ends it with all of its containers."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._space = folder, f"rehearsal{os.getpid()}"
        self._programs = programs()
        socket = folder / "docker.sock"
        self.env = {
            "DOCKER_HOST": f"unix://{socket}",
            "DOCKER_CONFIG": str(folder / "config"),
            "PATH": f"{self._programs}:{BIN}:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(folder),
        }
        argv = [
            "nsenter", f"--net=/var/run/netns/{self._space}", str(self._programs / "dockerd"),
            f"--host=unix://{socket}", f"--data-root={folder / 'data'}",
            f"--exec-root={folder / 'exec'}", f"--pidfile={folder / 'pid'}", *_ALONE,
        ]  # fmt: skip
        self._daemon = Process("dockerd", argv, log=folder / "dockerd.log", env=self.env)

    def __enter__(self) -> "Engine":
        plugins = self._folder / "config" / "cli-plugins"
        plugins.mkdir(parents=True)
        (plugins / "docker-compose").symlink_to(BIN / "docker-compose")
        run("ip", "netns", "add", self._space)
        run("ip", "-n", self._space, "link", "set", "lo", "up")
        self._daemon.start()
        self._daemon.wait_ready(lambda: self.docker("version").returncode == 0, seconds=60)
        return self

    def __exit__(self, *_: object) -> None:
        ids = self.docker("ps", "--all", "--quiet").stdout.split()
        if ids:
            self.docker("rm", "--force", "--volumes", *ids)
        self._daemon.terminate()
        run("ip", "netns", "delete", self._space)
        shutil.rmtree(self._folder / "data", ignore_errors=True)

    def docker(self, *words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run one command of the client to its end."""
        return self.run("docker", *words, seconds=seconds)

    def run(
        self, *argv: str, cwd: Path | None = None, seconds: float = 600, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run any program that talks to this engine, to its end."""
        return subprocess.run(
            argv, env=self.env | env, cwd=cwd, capture_output=True, text=True, timeout=seconds,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
