"""An installation by docs/deploy/compose.md, in its own folder and on its own engine."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.architecture.tree import ROOT
from tests.rehearsal.containers import engine_images, images
from tests.rehearsal.containers.engine import Engine
from tests.services.running.process import wait_until

#: The operator's settings, as the page says.
SETTINGS: Final = {
    "COMPOSE_FILE": "docker-compose.yml:docker-compose.production.yml:docker-compose.rehearsal.yml",
    "COMPOSE_PROJECT_NAME": "maitred",
    "IMAGE": "maitred:1",
    "PUBLIC_URL": "https://localhost",
    "SERVER_NAME": "localhost",
    "SMS_CHANNEL": "off",
    "BACKUP_STORE": "/var/lib/maitred/backups",
}
#: The parts of a version of the code.
PARTS: Final = ("deploy", "examples", "models", "schedules", "tasks", "web", "workers")
_STAND_INS: Final = {
    "nginx:1.28": images.nginx,
    "redis:7-alpine": images.redis,
    "mysql:8.4": images.mysql,
}
READY_SECONDS: Final = 600
#: For the script: a busy machine makes no version a failing one.
PATIENT: Final = {"READY_SECONDS": str(READY_SECONDS)}
CALLERS: Final = Path(__file__).with_name("callers.py")


@dataclass(frozen=True, slots=True)
class Site:
    """`folder` is the operator's working folder; `code` holds a folder for each version."""

    engine: Engine
    folder: Path
    code: Path
    #: each step, its duration, and its counts
    protocol: list[dict[str, Any]] = field(default_factory=list)

    def compose(self, *words: str, seconds: float = 600) -> str:
        """Run `docker compose ...`, which must succeed; return the output."""
        return self.must("docker", "compose", *words, seconds=seconds)

    def must(self, *argv: str, seconds: float = 900) -> str:
        """Run a command in the operator's folder, which must succeed."""
        done = self.engine.run(*argv, cwd=self.folder, seconds=seconds)
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout

    def upgrade(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run `sh deploy/upgrade.sh ...` to its end."""
        argv = ("sh", "deploy/upgrade.sh", *words)
        return self.engine.run(*argv, cwd=self.folder, seconds=900, **(PATIENT | env))

    def maitred(self, service: str, *words: str) -> str:
        """Run a command in that service's container, which must succeed; return the output."""
        return self.compose("exec", "-T", service, "maitred", *words)

    def health(self) -> dict[str, Any]:
        """The output of `maitred health` in the container of web."""
        argv = ("docker", "compose", "exec", "-T", "web", "maitred", "health")
        done = self.engine.run(*argv, cwd=self.folder)
        assert done.stdout.startswith("{"), done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def await_ready(self) -> None:
        """Wait until nothing is overdue or degraded."""
        wait_until(
            lambda: self.health()["status"] == "ready",
            seconds=READY_SECONDS,
            what=lambda: json.dumps(self.health(), indent=1),
            every=2,
        )

    def inside(self, service: str, *argv: str) -> list[str]:
        """The command that runs `argv` of this machine in that service's network."""
        container = self.compose("ps", "--quiet", service).split()[0]
        pid = self.engine.docker("inspect", "-f", "{{.State.Pid}}", container).stdout.strip()
        return ["nsenter", f"--net=/proc/{pid}/ns/net", *argv]

    def states(self) -> dict[str, str]:
        """Service -> `running 0 healthy`: state, restarts and health of its container."""
        ids = self.compose("ps", "--all", "--quiet").split()
        shown = (
            '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Status}} '
            "{{.RestartCount}} {{if .State.Health}}{{.State.Health.Status}}{{end}}"
        )
        lines = self.must("docker", "inspect", "-f", shown, *ids).splitlines()
        return {name: state for name, _, state in (line.partition(" ") for line in lines)}

    def reserve(self) -> str:
        """Run the smoke test through nginx, over TLS; return the output."""
        argv = self.inside("nginx", sys.executable, "-m", "deploy.smoke")
        authority = str(self.folder / "secrets" / "fullchain.pem")
        done = self.engine.run(
            *argv, "https://localhost", "demo",
            cwd=ROOT, seconds=120, PYTHONPATH=str(ROOT), SSL_CERT_FILE=authority,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def images(self) -> dict[str, list[str]]:
        """Service -> the images of its containers."""
        found: dict[str, list[str]] = {}
        for line in self.compose("ps", "--format", "{{.Service}} {{.Image}}").splitlines():
            service, image = line.split()
            found.setdefault(service, []).append(image)
        return found

    def ids(self, where: str = "1 = 1") -> set[int]:
        """The ids of the reservations that satisfy that condition."""
        query = f"SELECT id FROM maitred.reservations WHERE {where}"  # nosec B608 - the test's own
        return {int(line) for line in self._asked(query).split()}

    def database(self) -> str:
        """The server that stands in for MySQL 8.4, if any."""
        return self._asked("SELECT VERSION()").strip()

    def _asked(self, query: str) -> str:
        password = (self.folder / "secrets" / "mysql_root_password").read_text().strip()
        words = ("exec", "-T", "-e", f"MYSQL_PWD={password}", "mysql", "mysql", "-uroot", "-N")
        return self.compose(*words, "-e", query)

    def version(self, name: str) -> Path:
        """Copy this code as another version, with its image `maitred:NAME`."""
        folder = self.code / name
        for part in PARTS:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("*.pyc"))
        env = {"PYTHONPATH": str(folder), "RELEASE_NAME": name}
        engine_images.make(self.engine, f"maitred:{name}", images.maitred(), **env)
        return folder


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """The files, secrets and images of an installation that was never started."""
    place, code = folder / "maitred", folder / "code"
    place.mkdir()
    code.mkdir()
    for path in ROOT.glob("docker-compose*.yml"):
        shutil.copy(path, place)
    for part in ("deploy", "examples"):
        shutil.copytree(ROOT / part, place / part)
    env = [f"{name}={value}" for name, value in SETTINGS.items()]
    (place / ".env").write_text("\n".join(env) + "\n", encoding="utf-8")
    (folder / "engine").mkdir()
    with Engine(folder / "engine") as engine:
        for name, image in _STAND_INS.items():
            engine_images.make(engine, name, image())
        made = Site(engine, place, code)
        made.version("1")
        _add_what_is_here(made)
        yield made
        made.engine.run("docker", "compose", "down", "--timeout", "20", cwd=place)


def _add_what_is_here(made: Site) -> None:
    """Add this machine's programs to each service, and a mail server that accepts everything."""
    words = ["python", "-m", "aiosmtpd", "-n", "-l", "0.0.0.0:1025", "-c", "aiosmtpd.handlers.Sink"]
    given = {"volumes": engine_images.mounts(made.code)}
    mail = given | {"image": "maitred:1", "command": words}
    told = yaml.safe_load((made.folder / "docker-compose.yml").read_text(encoding="utf-8"))
    alone = {name: dict(given) for name, one in told["services"].items() if "profiles" not in one}
    # all callers come from one machine
    alone["web"]["environment"] = {"LIMIT_EXEMPT": "127.0.0.0/8"}  # type: ignore[assignment]
    text = yaml.safe_dump({"services": alone | {"mail": mail}})
    (made.folder / "docker-compose.rehearsal.yml").write_text(text, encoding="utf-8")


class Callers:
    """Continuous guests: `with Callers(site, 8) as callers`; then read `report`.

    They reserve on the 21 days from `day` days ahead on. Others must not have filled these.
    """

    def __init__(self, place: Site, day: int) -> None:
        certificate = str(place.folder / "secrets" / "fullchain.pem")
        argv = [sys.executable, str(CALLERS), "localhost", certificate, "demo", str(day)]
        self._argv = place.inside("nginx", *argv)
        self.report: dict[str, Any] = {}

    def __enter__(self) -> "Callers":
        self._process = subprocess.Popen(
            self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        wait_until(lambda: self.done() > 0, seconds=60, what="a first answer", every=0.2)
        return self

    def done(self) -> int:
        """The number of answered requests."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def await_requests(self, count: int) -> None:
        """Wait until so many were answered."""
        wait_until(lambda: self.done() >= count, seconds=900, what=f"{count} requests", every=1)

    def __exit__(self, *_: object) -> None:
        out, _err = self._process.communicate(timeout=120)
        self.report = json.loads(out)
        told = {name: value for name, value in self.report.items() if name != "accepted"}
        print(json.dumps(told), flush=True)
