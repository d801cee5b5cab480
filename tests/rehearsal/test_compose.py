"""docker-compose.yml, started by runc service by service with the file's own settings."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.deploy.containers.test_containers import described
from tests.rehearsal.containers import images
from tests.rehearsal.containers.box import Box
from tests.rehearsal.containers.network import Network
from tests.services import plan
from tests.services.missing import require_program
from tests.services.running.process import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
ORDER = (
    "mysql", "redis", "migrate", "web", "worker-allocation", "worker-messages",
    "worker-maintenance", "worker-backups", "follower", "scheduler", "flower", "nginx",
)  # fmt: skip
MAIL = "mail"
WORKERS = tuple(name for name in ORDER if name.startswith("worker-"))
IMAGES = {"redis": images.redis, "nginx": images.nginx, "mysql": images.mysql}
#: A worker without a sign of life for three minutes is stuck: the outage is longer.
AWAY_SECONDS = 200
READY_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The services by name, their network, and the folder with their secrets."""

    boxes: dict[str, Box]
    network: Network
    folder: Path

    def maitred(self, name: str, *words: str) -> str:
        """Run a command in that service's container, which must succeed; return the output."""
        done = self.boxes[name].inside("maitred", *words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def await_ready(self) -> None:
        """Wait until nothing is overdue or degraded."""
        ask = partial(self.boxes["web"].inside, "maitred", "health")
        wait_until(
            lambda: ask().returncode == 0, seconds=READY_SECONDS, what=lambda: ask().stdout, every=2
        )

    def reserve(self) -> str:
        """Run the smoke test through nginx, over TLS; return the output."""
        argv = [
            "ip", "netns", "exec", self.network.space("nginx"),
            sys.executable, "-m", "deploy.smoke", "https://localhost", "demo",
        ]  # fmt: skip
        known = {"SSL_CERT_FILE": str(self.folder / "secrets" / "fullchain.pem")}
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | known
        done = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def _mail(network: Network) -> Iterator[None]:
    """A server that accepts every mail, at the address in secrets/smtp_url."""
    words = (sys.executable, "-m", "aiosmtpd", "-n", "-l", "0.0.0.0:1025")
    taking = ("-c", "aiosmtpd.handlers.Sink")
    argv = ["ip", "netns", "exec", network.space(MAIL), *words, *taking]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as server:
        try:
            yield
        finally:
            server.kill()


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """Every service, not started; all are stopped afterwards."""
    for program in ("runc", "ip", "mariadbd", "redis-server", "nginx"):
        require_program(program)
    folder = tmp_path_factory.mktemp("compose")
    subprocess.run(["sh", ROOT / "deploy" / "secrets.sh", folder / "secrets"], check=True)
    told = described(BACKUP_STORE="/var/lib/maitred/backups")
    names = [*ORDER, MAIL]
    with Network(f"rehearsal{os.getpid()}", names, sys.executable) as network, _mail(network):
        boxes = {
            name: Box(
                name, told["services"][name], IMAGES.get(name, images.maitred)(), folder, network
            )
            for name in ORDER
        }
        try:
            yield Rehearsal(boxes, network, folder)
        finally:
            for name in reversed(ORDER):
                boxes[name].stop()


def test_the_compose_file_runs_as_written(rehearsal: Rehearsal) -> None:
    acts = (
        everything_starts,
        a_table_is_reserved,
        a_backup_is_proved,
        a_damaged_backup_is_found,
        the_certificate_is_replaced,
        the_database_is_away,
    )
    for act in acts:
        began = time.monotonic()
        act(rehearsal)
        print(f"{act.__name__.replace('_', ' ')}: {time.monotonic() - began:.0f} s")


def everything_starts(rehearsal: Rehearsal) -> None:
    """Start each service when its dependencies are as it requires."""
    for name in ORDER:
        box = rehearsal.boxes[name]
        box.start()
        if name == "migrate":
            assert box.await_end() == 0, box.tail()
        elif name not in ("scheduler", "follower"):  # they have no check of their own
            box.await_well()


def a_table_is_reserved(rehearsal: Rehearsal) -> None:
    """Through nginx, over TLS; afterwards nothing is overdue or degraded."""
    rehearsal.maitred("web", "restaurant", "load", str(ROOT / "examples" / "demo.toml"))
    assert "confirmed" in rehearsal.reserve()
    rehearsal.await_ready()
    for line in ("first-start", "tls"):
        plan.prove(line=line, target="compose", how="rehearsed", figure="by runc, through nginx")


def a_backup_is_proved(rehearsal: Rehearsal) -> None:
    """Made and restored within the container that does so every hour."""
    rehearsal.maitred("worker-backups", "backup", "create")
    rehearsal.maitred("worker-backups", "backup", "drill")
    for line in ("backup-full", "backup-drilled"):
        plan.prove(line=line, target="compose", how="rehearsed", figure="MySQL, by runc")


def a_damaged_backup_is_found(rehearsal: Rehearsal) -> None:
    """One byte more in a stored file, and `maitred backup verify` fails until it is gone."""
    store = rehearsal.boxes["worker-backups"]
    newest = "$(find /var/lib/maitred/backups -type f -size +9k | head -n 1)"
    rehearsal.maitred("worker-backups", "backup", "verify")
    assert store.inside("sh", "-c", f'printf x >>"{newest}"').returncode == 0
    assert store.inside("maitred", "backup", "verify").returncode == 1
    assert store.inside("sh", "-c", f'truncate --size=-1 "{newest}"').returncode == 0
    rehearsal.maitred("worker-backups", "backup", "verify")
    figure = "a byte more in a file is found"
    plan.prove(line="backup-verified", target="compose", how="rehearsed", figure=figure)


def the_certificate_is_replaced(rehearsal: Rehearsal) -> None:
    """As docs/deploy/compose.md says: other files, a reload, and nginx serves the new one."""
    new, secrets = rehearsal.folder / "new", rehearsal.folder / "secrets"
    subprocess.run(["sh", ROOT / "deploy" / "secrets.sh", new], check=True)
    for name in ("fullchain.pem", "privkey.pem"):  # the same files: they are mounted one by one
        (secrets / name).write_bytes((new / name).read_bytes())
    # before the reload the old certificate is served, which the new one does not vouch for
    with pytest.raises(AssertionError, match="CERTIFICATE_VERIFY_FAILED"):
        rehearsal.reserve()
    assert rehearsal.boxes["nginx"].inside("nginx", "-s", "reload").returncode == 0
    wait_until(
        lambda: served(rehearsal) == (new / "fullchain.pem").read_text(encoding="ascii").strip(),
        seconds=30, what="the new certificate", every=0.5,
    )  # fmt: skip
    assert "confirmed" in rehearsal.reserve()
    figure = "replaced while it serves"
    plan.prove(line="certificates", target="compose", how="rehearsed", figure=figure)


def served(rehearsal: Rehearsal) -> str:
    """Return the certificate that nginx sends, as PEM."""
    argv = ["ip", "netns", "exec", rehearsal.network.space("nginx")]
    ask = "openssl s_client -connect 127.0.0.1:443 -servername localhost </dev/null | openssl x509"
    done = subprocess.run(
        [*argv, "sh", "-c", ask], capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout.strip()


def the_database_is_away(rehearsal: Rehearsal) -> None:
    """For minutes: no process ends, no worker counts as stuck, and work continues afterwards."""
    boxes = rehearsal.boxes
    boxes["mysql"].stop(120)
    ends = time.monotonic() + AWAY_SECONDS
    while time.monotonic() < ends:
        for name in WORKERS:
            assert boxes[name].is_well(), f"{name}: {boxes[name].tail()}"
        time.sleep(10)
    assert {name for name in ORDER[3:] if boxes[name].exit_code is not None} == set()
    boxes["mysql"].start()
    boxes["mysql"].await_well()
    rehearsal.await_ready()
    assert "confirmed" in rehearsal.reserve()
    rehearsal.maitred("web", "check")
    away = f"away for {AWAY_SECONDS} s"
    plan.prove(line="health", target="compose", how="rehearsed", figure=away)
