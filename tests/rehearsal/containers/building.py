"""The image of deploy/Dockerfile, built by buildah without a container engine.

The base is a Debian made by debootstrap, with its Python in place of the official image's:
`python`, its headers and pip. Every step runs as the Dockerfile says.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.architecture.tree import ROOT, tracked
from tests.rehearsal.containers.box import Image
from tests.rehearsal.machine import SUITE, as_pip_here

BASE: Final = "localhost/python:rehearsal"
NAME: Final = "localhost/maitred:rehearsal"
_PYTHON: Final = "python3,python3-venv,python3-dev,python3-pip,ca-certificates"


class Builder:
    """buildah, with its images below this folder only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        store = ["--root", str(folder / "store"), "--runroot", str(folder / "run")]
        self._argv = ["buildah", *store, "--storage-driver", "vfs"]

    def does(self, *words: str, seconds: float = 1800) -> str:
        """Run buildah, which must succeed; return the output."""
        done = subprocess.run(
            [*self._argv, *words], capture_output=True, text=True, timeout=seconds, cwd=self._folder
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout.strip()

    def make_base(self) -> None:
        """Make a replacement for python:3.11-slim, named BASE."""
        root = self._folder / "base"
        words = ["--variant=minbase", f"--include={_PYTHON}", SUITE, str(root)]
        with (self._folder / "debootstrap.log").open("wb") as log:
            subprocess.run(["debootstrap", *words], stdout=log, stderr=log, check=True, timeout=900)
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        self._given = as_pip_here(root)
        container = self.does("from", "scratch")
        self.does("add", container, str(root), "/")
        self.does("commit", "--rm", "--quiet", container, BASE)
        shutil.rmtree(root)

    def build(self) -> str:
        """Build the image of this clone by its Dockerfile; return the output."""
        context = self._folder / "clone"
        for path in tracked():
            (context / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, context / path)
        volumes = [word for each in self._given for word in ("--volume", f"{each}:{each}:ro")]
        return self.does(
            "bud", "--isolation", "chroot", "--format", "docker", *volumes,
            "--build-arg", f"PYTHON_IMAGE={BASE}", "--build-arg", "VERSION=rehearsed",
            "--file", str(context / "deploy/Dockerfile"), "--tag", NAME, str(context),
        )  # fmt: skip

    def config(self) -> dict[str, Any]:
        """The image's configuration."""
        said = json.loads(self.does("inspect", "--type", "image", NAME))
        found: dict[str, Any] = said["Docker"]["config"]
        return found

    @contextmanager
    def unpacked(self) -> Iterator[Path]:
        container = self.does("from", "--pull-never", NAME)
        try:
            yield Path(self.does("mount", container))
        finally:
            self.does("rm", container)


def as_image(config: dict[str, Any], root: Path) -> Image:
    """An Image by its own configuration."""
    uid = int(str(config["User"]).partition(":")[0])
    env = dict(line.split("=", 1) for line in config["Env"])
    # a volume starts with the image's content there
    home = root / "var/lib/maitred"
    folders = {
        f"/var/lib/maitred/{path.name}": (path.stat().st_uid, path.stat().st_mode & 0o7777)
        for path in home.iterdir()
        if path.is_dir()
    }
    return Image(
        uid=uid,
        env=env,
        command=tuple(config["Cmd"]),
        healthcheck=tuple(config["Healthcheck"]["Test"][1:]),
        cwd=str(config["WorkingDir"]),
        folders=folders,
        root=str(root),
    )
