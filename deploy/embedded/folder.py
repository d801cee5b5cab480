"""The embedded mode's folder, `var/`: generated secrets, remembered ports, the environment."""

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from models.core.atomic_files import write_atomically

#: The folder with all data of the embedded mode.
VAR: Final = Path("var")
#: Name of a port -> its preferred number.
PREFERRED: Final[Mapping[str, int]] = {"web": 8080, "flower": 5555, "smtp": 1025, "valkey": 6390}
#: Process -> name of its port.
PORTS: Final[Mapping[str, str]] = {
    "web": "web",
    "flower": "flower",
    "mailbox": "smtp",
    "valkey": "valkey",
}
_HIGHEST: Final = 65_535
#: Mask of the permissions of everyone but the owner.
_FOR_OTHERS: Final = 0o077


class AlreadyRunning(Exception):
    """Another `up` holds this folder. The text identifies it."""


class VarFolder:
    """One `var/` folder, which contains all data of the embedded mode."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: IO[str] | None = None

    def take(self) -> None:
        """Create the folder, and lock it for this process. Raises AlreadyRunning."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / "up.lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            with lock:
                lock.seek(0)
                raise AlreadyRunning(lock.read().strip()) from taken
        self._lock = lock
        self._close()
        self.note_running("starting")

    def _close(self) -> None:
        """Restrict existing and future files to their owner: the folder contains guests' data."""
        os.umask(_FOR_OTHERS)
        for path in (self.folder, *self.folder.rglob("*")):
            with suppress(FileNotFoundError):  # a leftover file may vanish meanwhile
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode & ~_FOR_OTHERS)

    def leave(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def note_running(self, where: str) -> None:
        """Write the text by which a second `up` reports this one."""
        if self._lock is not None:
            self._lock.seek(0)
            self._lock.truncate()
            self._lock.write(f"process {os.getpid()}, {where}")
            self._lock.flush()

    def secret(self, name: str, *, length: int = 32) -> str:
        """Return the secret of that name, created on first use in a file of mode 600."""
        folder = self.folder / "secrets"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / name
        if not path.exists():
            with suppress(FileExistsError):  # another process was faster: its secret is the one
                write_atomically(path, secrets.token_urlsafe(length).encode(), is_new=True)
        return path.read_text(encoding="ascii").strip()

    def choose_ports(self, say: Callable[[str], None]) -> dict[str, int]:
        """Choose a free port per name: last time's, else the preferred one; if taken, the next.

        `say` is called with a line for every port that was taken.
        """
        path = self.folder / "ports.json"
        kept = json.loads(path.read_text(encoding="ascii")) if path.exists() else {}
        chosen: dict[str, int] = {}
        for name, preferred in PREFERRED.items():
            wanted = int(kept.get(name, preferred))
            chosen[name] = _free_port(wanted, besides=set(chosen.values()))
            if chosen[name] != wanted:
                say(f"Port {wanted} ({name}) is taken; using {chosen[name]}.")
        write_atomically(path, json.dumps(chosen).encode())
        return chosen

    def environment(self, ports: Mapping[str, int]) -> dict[str, str]:
        """Return the settings of an installation in this folder.

        Values that the environment sets take precedence, except for those in `wiring`.
        """
        folder = self.folder.absolute()
        password = self.secret("valkey")
        mine = {
            "DATABASE_URL": f"sqlite:///{folder / 'maitred.db'}",
            "REDIS_URL": f"redis://:{password}@127.0.0.1:{ports['valkey']}/0",
            "SECRET_KEY": self.secret("secret_key", length=48),
            "MASTER_KEY": self.secret("master_key", length=48),
            "KEYSET_FILE": str(folder / "secrets" / "keyset.json"),
            "ERASURES_FILE": str(folder / "erasures.jsonl"),
            "PUBLIC_URL": f"http://localhost:{ports['web']}",
            "SMTP_URL": f"smtp://127.0.0.1:{ports['smtp']}",
            "SMS_FILE": str(folder / "sms.jsonl"),
            "FLOWER_PASSWORD": self.secret("flower_password", length=12),
            "METRICS_DIR": str(folder / "metrics"),
            "BACKUP_STORE": str(folder / "backups"),
            "BACKUP_KEY": self.secret("backup_key", length=48),
            "LIMIT_EXEMPT": "127.0.0.0/8,::1",  # `maitred demo`: 300 guests from one address
        }
        wiring = {
            "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
            "WEB_PORT": str(ports["web"]),
            "FLOWER_PORT": str(ports["flower"]),
            "FLOWER_ADDRESS": "127.0.0.1",
            "FLOWER_URL": f"http://localhost:{ports['flower']}",
            "MAILBOX_PORT": str(ports["smtp"]),
            "MAILBOX_FOLDER": str(folder / "mail"),
            "VALKEY_FOLDER": str(folder / "valkey"),
            "PYTHONUNBUFFERED": "1",
        }
        return mine | {name: value for name, value in os.environ.items() if value} | wiring

    def empty_metrics(self) -> None:
        """Delete the counters of earlier processes.

        Call before any process starts: they need the folder.
        """
        folder = self.folder / "metrics"
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.db"):
            path.unlink()


def join(folder: Path = VAR) -> None:
    """Give this process the settings of the installation that `up` runs from `folder`.

    Does nothing when DATABASE_URL is set, or when `folder` has no installation.
    """
    ports = folder / "ports.json"
    if not os.environ.get("DATABASE_URL") and ports.exists():
        os.umask(_FOR_OTHERS)  # a command's files are as restricted as the rest
        os.environ.update(VarFolder(folder).environment(json.loads(ports.read_text("ascii"))))


def _free_port(wanted: int, *, besides: set[int]) -> int:
    for port in range(wanted, _HIGHEST):
        if port not in besides and is_free(port):
            return port
    raise OSError(f"no port above {wanted} is free")


def is_free(port: int) -> bool:
    """Return whether nothing listens on this port of localhost."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
