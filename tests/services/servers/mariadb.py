"""A MariaDB server for tests: a temp data folder, a free port, a user with a password."""

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
except ImportError:  # the wheel is built locally, which needs MariaDB's headers
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
#: A commit reaches the operating system, so SIGKILL loses nothing, without waiting for the disk.
_FAST = (
    "--innodb-flush-log-at-trx-commit=2",
    "--sync-binlog=0",
    "--innodb-doublewrite=0",
    "--innodb-flush-method=nosync",
)
#: As in production: every acknowledged commit is on the disk, and in the binary log.
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
        #: production's option file and this server's own additions; by default the tests' options
        self.config = config
        self.options = [*options] or [*(_DURABLE if durable else _FAST)]
        self.port = free_port()
        self.socket = folder / "s"
        self._process: Process | None = None

    def start(self) -> None:
        """Make the data folder if it is new, start the server, wait until it answers."""
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
        """Its own temp folder: a starting server deletes its neighbours' temporary tables."""
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
        assert self._process is not None, "it was never started"
        return self._process.pid

    def pause(self) -> None:
        """SIGSTOP: the machine still accepts connections, but the server is silent."""
        if self._process is not None:
            self._process.pause()

    def resume(self) -> None:
        if self._process is not None:
            self._process.resume()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate(seconds=30)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def restart(self, *, hard: bool = False) -> None:
        """Stop (with SIGKILL when `hard`) and start again on the same port and data."""
        self.kill() if hard else self.stop()
        self.start()

    def run(self, *statements: str, database: str = "") -> None:
        """Run statements as root."""
        with MySQLdb.connect(
            unix_socket=str(self.socket), user="root", database=database, connect_timeout=3
        ) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            connection.commit()

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a query as root; return its output."""
        with MySQLdb.connect(
            unix_socket=str(self.socket), user="root", connect_timeout=3
        ) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall())

    def new_database(self, name: str) -> str:
        """Create (or empty) a database; return its URL."""
        self.run(
            f"DROP DATABASE IF EXISTS `{name}`",
            f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        )
        return self.url(name)

    def forget_log(self) -> None:
        """Restart the binary log with its first file, as on a server that was seeded anew."""
        self.run("RESET MASTER")

    def url(self, database: str) -> str:
        """SQLAlchemy's URL of a database on this server."""
        return f"mysql+mysqldb://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    @property
    def log(self) -> Path:
        return self.folder / "mariadb.log"

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except MySQLdb.Error:
            return False
        return True
