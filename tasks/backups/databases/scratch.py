"""A private MariaDB server on a restored data folder: a socket, no port, no other users."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Engine
from sqlalchemy.exc import OperationalError

from models.core.database.connections import PATIENT_SECONDS
from models.core.database.transactions import make_engine
from models.core.waiting import wait_until
from tasks.backups.databases.tools import find_tool, run_tool
from tasks.backups.faults import RestoreRefused
from tasks.backups.memory import free_memory

START_SECONDS: Final = 120
STOP_SECONDS: Final = 120
_LEAST_ROOM: Final = 128 << 20
_MOST_ROOM: Final = 8 << 30
LOG: Final = "scratch-server.log"


def new_data(folder: Path) -> None:
    """Make `folder` the data folder of a new, empty server. Raises BackupFailed."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="maitred-") as place:
        # that program is a script that cannot handle blanks in a path
        plain = Path(place) / "data"
        plain.symlink_to(folder.absolute())
        run_tool(
            [
                find_tool("mariadb-install-db", "mysql_install_db"),
                "--no-defaults",
                *_as_root(),
                f"--datadir={plain}",
                f"--tmpdir={place}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ]
        )


def _as_root() -> list[str]:
    """Return the option for a server that runs as root, if this process does; [] otherwise.

    Without the option a user id that has no name, as in a container, works too.
    """
    return ["--user=root"] if os.geteuid() == 0 else []


@contextmanager
def serving(data: Path) -> Iterator[URL]:
    """Run a server on that data folder; yield its URL, which names no database yet.

    It needs no password: only accounts with access to the folder of its socket can reach it.
    Commits are on disk once it has been shut down cleanly, at the end. Raises RestoreRefused when
    it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        place = Path(folder)
        with (place / LOG).open("wb") as log, _started(data, place, log.fileno()) as child:
            url = URL.create(
                "mysql+mysqldb",
                username="root",
                host="localhost",
                query={"unix_socket": str(place / "s")},
            )
            _await(url, child, place / LOG)
            yield url


@contextmanager
def engine_on(url: URL) -> Iterator[Engine]:
    """Yield an engine with one connection, whose statements may take PATIENT_SECONDS."""
    text = url.render_as_string(hide_password=False)
    bind = make_engine(text, pool_size=1, limit=PATIENT_SECONDS)
    try:
        yield bind
    finally:
        bind.dispose()


@contextmanager
def _started(data: Path, place: Path, log: int) -> Iterator[subprocess.Popen[bytes]]:
    argv = [
        find_tool("mariadbd", "mysqld"),
        "--no-defaults",
        *_as_root(),
        f"--datadir={data}",
        f"--socket={place / 's'}",
        f"--pid-file={place / 'pid'}",
        # its own folder: a starting server deletes the temporary tables that it finds there
        f"--tmpdir={place}",
        "--skip-networking",
        "--skip-grant-tables",
        "--skip-slave-start",
        "--performance-schema=OFF",
        "--max-allowed-packet=1G",
        "--innodb-flush-log-at-trx-commit=0",
        f"--innodb-buffer-pool-size={_room()}",
        "--innodb-buffer-pool-load-at-startup=OFF",
    ]
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    ) as child:
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            finally:
                child.kill()


def _room() -> int:
    """Return the bytes for the scratch server's buffer pool: a quarter of the available memory.

    A check reads all of the data; with the server's default of 128 MB, most of it more than once.
    """
    free = free_memory()
    return _LEAST_ROOM if free is None else min(max(free // 4, _LEAST_ROOM), _MOST_ROOM)


def _await(url: URL, child: subprocess.Popen[bytes], log: Path) -> None:
    bind = make_engine(url.render_as_string(hide_password=False), pool_size=1)

    def answers() -> bool:
        try:
            with bind.connect():
                return True
        except OperationalError:
            return False  # not yet

    try:
        wait_until(lambda: answers() or child.poll() is not None, every=0.05, seconds=START_SECONDS)
        if not answers():
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            errors = [line for line in lines if "[ERROR]" in line] or lines[-1:]
            raise RestoreRefused("the restored server does not start: " + " | ".join(errors))
    finally:
        bind.dispose()
