"""A machine with nginx, a database and Redis, to which versions are deployed."""

import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import Engine

from models.core import clock
from models.core.database.transactions import make_engine, transaction
from models.operations.accounts.accounts import create_account, grant_role, hash_password
from models.rules.permissions import Role
from tests.architecture.tree import ROOT
from tests.deploy.hosts.test_nginx import NAME, nginx_program, settled
from tests.services.ports import free_port, is_listening
from tests.services.running.process import Process
from tests.services.running.restaurant import OpenRestaurant, open_restaurant
from tests.services.running.stack import PASSWORD, UNPACED
from tests.services.running.surroundings import KEYSET, environment
from tests.services.servers.certificates import Certificates, make_certificates
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer

BIN = Path(sys.executable).parent
#: The account at the host stand.
HOST = "host@example.com"
#: The files and folders of a version.
PARTS = ("Procfile", "deploy", "examples", "models", "schedules", "tasks", "web", "workers")


@dataclass
class Machine:
    """One machine, to which `maitred release` deploys versions."""

    folder: Path
    env: dict[str, str]
    port: int
    certificates: Certificates
    engine: Engine
    mailbox: Mailbox
    restaurant: OpenRestaurant
    #: ids of all acknowledged reservations
    accepted: list[int] = field(default_factory=list)

    def maitred(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        argv = [str(BIN / "maitred"), *map(str, words)]
        return subprocess.run(
            argv, env=self.env, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
        )

    def begin(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start one command; its output can be read as it comes."""
        argv = [str(BIN / "maitred"), *map(str, words)]
        env = self.env | {"PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            argv, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def version(self, name: str, *, copied: tuple[str, ...] = (), **lines: str) -> Path:
        """Create a version of this code in its own folder, with these lines in its Procfile."""
        folder = self.folder / name
        folder.mkdir()
        for part in PARTS:
            if part in copied:
                shutil.copytree(ROOT / part, folder / part)
            elif part != "Procfile":
                (folder / part).symlink_to(ROOT / part)
        text = (ROOT / "Procfile").read_text(encoding="utf-8")
        for process, command in lines.items():
            text = re.sub(rf"^{process}: .*$", f"{process}: {command}", text, flags=re.MULTILINE)
        (folder / "Procfile").write_text(text, encoding="utf-8")
        return folder


@contextmanager
def machine(folder: Path, mariadb: MariaDB) -> Iterator[Machine]:
    """Start everything but Maitred's own processes; end all deployed versions afterwards."""
    redis, mailbox, run = RedisServer(folder / "redis"), Mailbox(), folder / "run"
    redis.start()
    mailbox.start()
    run.mkdir()
    url = mariadb.new_database("released")
    made = make_certificates(folder / "tls", names=f"DNS:{NAME},IP:127.0.0.1")
    ports = {name: free_port() for name in ("http", "https")}
    conf = settled(folder, run, made, ports)
    path = f"{BIN}:{os.environ['PATH']}"
    env = environment(folder, database_url=url, redis_url=redis.url, smtp_url=mailbox.url) | {
        "PATH": path, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8",
        "KEYSET_FILE": shutil.copyfile(KEYSET, folder / "keyset.json").as_posix(),
        "PUBLIC_URL": f"https://{NAME}", "TRUSTED_PROXIES": "1",
        "GRANIAN_UDS_PERMISSIONS": "0o666", "SWEEP_SECONDS": "1",
        "RELEASE_FOLDER": str(folder / "releases"), "RELEASE_SOCKETS": str(run),
        "RELEASE_WATCH_SECONDS": "2", "STREAM_SECONDS": "4",
        "RELEASE_FRONT": f"https://127.0.0.1:{ports['https']}",
        "SSL_CERT_FILE": str(made.authority),
        # other tests load the machine for seconds, which must not count as a slow version
        "RELEASE_SLOWER_MS": "600",
    }  # fmt: skip
    proxy = Process(
        "nginx",
        [nginx_program(), "-c", str(conf), "-p", str(folder), "-g", "daemon off;"],
        log=folder / "nginx.log",
    )
    engine = make_engine(url, pool_size=2)
    try:
        subprocess.run([BIN / "maitred", "migrate"], env=env, cwd=ROOT, check=True, timeout=120)
        restaurant = open_restaurant(engine, slug="released", policies=UNPACED)
        _employ_host(engine, restaurant)
        proxy.start()
        proxy.wait_ready(lambda: is_listening(ports["https"]))
        yield Machine(folder, env, ports["https"], made, engine, mailbox, restaurant)
    finally:
        engine.dispose()
        for file in (folder / "releases").glob("*.pid"):
            _end(int(file.read_text(encoding="utf-8")))
        proxy.terminate()
        mailbox.stop()
        redis.kill()


def answers(place: Machine) -> bool:
    """Return whether guests get an answer through nginx."""
    proved = ssl.create_default_context(cafile=str(place.certificates.authority))
    with httpx.Client(base_url=f"https://127.0.0.1:{place.port}", verify=proved) as client:
        sni = {"sni_hostname": NAME}
        return client.get("/healthz", headers={"Host": NAME}, extensions=sni).is_success


def _employ_host(engine: Engine, restaurant: OpenRestaurant) -> None:
    with transaction(engine) as session:
        number = create_account(
            session, HOST, name="", password_hash=hash_password(PASSWORD), now=clock.now()
        )
        grant_role(session, number, restaurant_id=restaurant.id, role=Role.HOST)


def _end(pid: int) -> None:
    """Kill a keeper: its children die with it. It may have ended long ago."""
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        pass
