"""A MariaDB server of the tests' own: a temp data folder, a free port, a user with a password."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.services.missing import go_without
from tests.services.ports import free_port
from tests.services.running.process import Process

try:
    import MySQLdb
except ImportError:  # the wheel is built on the spot, which takes MariaDB's headers
    MySQLdb = None

USER = "maitred"
PASSWORD = "only-for-tests"

_COMMON = (
    "--skip-name-resolve",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=128M",
    "--innodb-log-file-size=16M",
    "--character-set-server=utf8mb4",
    "--max-connections=400",
    "--bind-address=127.0.0.1",
    "--skip-networking=0",
)
#: A commit reaches the operating system, so SIGKILL loses nothing, and waits for no disk.
_FAST = (
    "--innodb-flush-log-at-trx-commit=2",
    "--sync-binlog=0",
    "--innodb-doublewrite=0",
    "--innodb-flush-method=nosync",
)
#: What production runs with: every acknowledged commit is on the disk, and in the binary log.
_DURABLE = (
    "--innodb-flush-log-at-trx-commit=1",
    "--sync-binlog=1",
    "--log-bin=binlog",
    "--server-id=1",
)


def _binary(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return found or go_without("MariaDB (package mariadb-server)")


class MariaDB:
    """One server. `start`, `stop`, `kill` and `restart` keep its data and its port."""

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = False,
        config: Path | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        #: an option file of production's own, and what is this server's alone; else the tests'
        self.config = config
        self.options = [*options] or [*(_DURABLE if durable else _FAST)]
        self.port = free_port()
        self.socket = folder / "s"
        self._process: Process | None = None

    def start(self) -> None:
        """Make the data folder when it is new, start the server, wait until it answers."""
        if MySQLdb is None:
            go_without("mysqlclient (package libmariadb-dev, then make install-dev)")
        data = self.folder / "data"
        is_new = not data.exists()
        if is_new:
            self._install(data)
        if self._process is None:
            self._process = Process("mariadb", self._argv(data), log=self.folder / "mariadb.log")
        self._process.start()
        self._process.wait_ready(self._answers)
        if is_new:
            self.run(
                f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
                f"GRANT ALL ON *.* TO '{USER}'@'127.0.0.1'",
            )

    def _install(self, data: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [
                _binary("mariadb-install-db"),
                "--no-defaults",
                f"--user={getpass.getuser()}",
                f"--datadir={data}",
                f"--tmpdir={self._scratch()}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--innodb-log-file-size=16M",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"mariadb-install-db failed:\n{done.stdout}{done.stderr}"

    def _scratch(self) -> Path:
        """Its own: a server that starts deletes the temporary tables of its neighbours."""
        place = self.folder / "tmp"
        place.mkdir(exist_ok=True)
        return place

    def _argv(self, data: Path) -> list[str]:
        return [
            _binary("mariadbd"),
            f"--defaults-file={self.config}" if self.config else "--no-defaults",
            f"--user={getpass.getuser()}",
            f"--datadir={data}",
            f"--socket={self.socket}",
            f"--pid-file={self.folder / 'pid'}",
            f"--tmpdir={self._scratch()}",
            f"--port={self.port}",
            *_COMMON,
            *self.options,
        ]

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None, "it was never started"
        return self._process.pid

    def pause(self) -> None:
        """SIGSTOP: its machine answers, and it says nothing."""
        if self._process is not None:
            self._process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        if self._process is not None:
            self._process.resume()

    def stop(self) -> None:
        """Shut down cleanly."""
        if self._process is not None:
            self._process.terminate(seconds=30)

    def kill(self) -> None:
        """SIGKILL, as when the machine fails."""
        if self._process is not None:
            self._process.kill()

    def restart(self, *, hard: bool = False) -> None:
        """Down (with SIGKILL when `hard`) and up again on the same port and data."""
        self.kill() if hard else self.stop()
        self.start()

    def run(self, *statements: str, database: str = "") -> None:
        """Run statements as the server's root."""
        with MySQLdb.connect(
            unix_socket=str(self.socket), user="root", database=database, connect_timeout=3
        ) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            connection.commit()

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """What the server answers to its root."""
        with MySQLdb.connect(
            unix_socket=str(self.socket), user="root", connect_timeout=3
        ) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall())

    def new_database(self, name: str) -> str:
        """Create (or empty) a database, and name its URL."""
        self.run(
            f"DROP DATABASE IF EXISTS `{name}`",
            f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        )
        return self.url(name)

    def forget_log(self) -> None:
        """Begin the binary log anew with its first file, as a server that was seeded anew does."""
        self.run("RESET MASTER")

    def url(self, database: str) -> str:
        """SQLAlchemy's URL of a database on this server."""
        return f"mysql+mysqldb://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "mariadb.log"

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except MySQLdb.Error:
            return False
        return True
