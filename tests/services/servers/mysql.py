"""A MySQL server for tests, with the interface of `tests.services.servers.mariadb`."""

import getpass
import os
import subprocess
from pathlib import Path
from typing import Final

from tests.architecture.tree import ROOT
from tests.services.missing import go_without
from tests.services.servers.mariadb import MariaDB

#: The folder that `.ci/mysql` fills; a default without the variable.
PLACE: Final = "MAITRED_TESTS_MYSQL"
_DEFAULT: Final = ROOT / "build" / "mysql"

#: MySQL's defaults, its default collation too, except for what the tests have no room for.
_COMMON: Final = (
    "--skip-name-resolve",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=128M",
    "--innodb-redo-log-capacity=32M",
    "--max-connections=400",
    "--bind-address=127.0.0.1",
    "--mysqlx=OFF",
    "--secure-file-priv=NULL",
)
#: A commit reaches the operating system, so SIGKILL loses nothing, without waiting for the disk.
_FAST: Final = (
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=OFF",
    "--skip-log-bin",
)
#: As in production: every acknowledged commit is on the disk, and in the binary log.
_DURABLE: Final = ("--log-bin=binlog", "--server-id=1")


def mysqld() -> Path:
    """The server's program. Leaves the test out without it."""
    folder = Path(os.environ.get(PLACE) or _DEFAULT).absolute()
    found = folder / "mysqld"
    return found if found.exists() else go_without("MySQL (sh .ci/mysql)")


class MySQL(MariaDB):
    """A MySQL server with the interface of MariaDB, and MySQL's default collation."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        super().__init__(folder, options=_DURABLE if durable else _FAST)

    def _install(self, data: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [*self._start_of_argv(data), "--initialize-insecure"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"mysqld --initialize failed:\n{done.stdout}{done.stderr}"

    def _start_of_argv(self, data: Path) -> list[str]:
        program = mysqld()
        root = program.parent / "root" / "usr"
        return [
            str(program),
            "--no-defaults",
            f"--user={getpass.getuser()}",
            f"--datadir={data}",
            f"--tmpdir={self._scratch()}",
            f"--lc-messages-dir={root / 'share' / 'mysql'}",
            f"--character-sets-dir={root / 'share' / 'mysql' / 'charsets'}",
            f"--plugin-dir={root / 'lib' / 'mysql' / 'plugin'}",
        ]

    def _argv(self, data: Path) -> list[str]:
        return [
            *self._start_of_argv(data),
            f"--socket={self.socket}",
            f"--pid-file={self.folder / 'pid'}",
            f"--port={self.port}",
            *_COMMON,
            *self.options,
        ]

    def new_database(self, name: str) -> str:
        """Create (or empty) a database; return its URL."""
        self.run(f"DROP DATABASE IF EXISTS `{name}`", f"CREATE DATABASE `{name}`")
        return self.url(name)

    def forget_log(self) -> None:
        """Restart the binary log with its first file."""
        self.run("RESET BINARY LOGS AND GTIDS")
