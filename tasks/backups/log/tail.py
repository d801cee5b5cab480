"""Runs the program that copies a server's binary log into a folder, byte for byte.

For MariaDB that is its own mariadb-binlog, for MySQL `tasks.backups.log.binlog.stream`.
"""

import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

from models.core.processes import die_with_the_parent
from tasks.backups.databases.account import account_file
from tasks.backups.databases.tools import find_tool, last_words
from tasks.backups.log.binlog import stream

#: The number of a log file, and an offset in it.
Place = tuple[int, int]
#: Two replicas with the same server id disconnect each other, so each copy uses its own id.
_NUMBERS = 1 << 30


class Tail:
    """A running copy. It ends by itself when the server ends."""

    def __init__(
        self, child: subprocess.Popen[bytes], said: Path, log_end: Callable[[], Place | None]
    ) -> None:
        self._child = child
        self._said = said
        #: returns the end of the server's own log
        self.log_end = log_end

    def bring(self) -> bool:
        """Whether the program, which copies by itself, is still running."""
        return self._child.poll() is None

    @property
    def last_words(self) -> str:
        """The end of the program's error output, on one line."""
        with self._said.open("rb") as said:
            return last_words(said)

    def end(self) -> None:
        """Kill the program; the files that it wrote stay."""
        self._child.kill()
        self._child.wait()


@contextmanager
def tailing(
    url: URL, folder: Path, first: str, log_end: Callable[[], Place | None], *, is_mariadb: bool
) -> Iterator[Tail]:
    """Copy the server's log, from the start of the file `first`, until the block ends.

    `log_end` queries the server for the end of its log. The account needs REPLICATION SLAVE.
    """
    with account_file(url) as account, tempfile.TemporaryDirectory(prefix="maitred-") as scratch:
        said = Path(scratch) / "said"
        make = _of_mariadb if is_mariadb else _of_mysql
        with (
            said.open("wb") as errors,
            subprocess.Popen(
                make(account, folder, first, _NUMBERS + secrets.randbelow(_NUMBERS)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                preexec_fn=die_with_the_parent,  # noqa: PLW1509  (one system call, no lock)
            ) as child,
        ):
            tail = Tail(child, said, log_end)
            try:
                yield tail
            finally:
                tail.end()


def _of_mariadb(account: Path, folder: Path, first: str, number: int) -> list[str]:
    return [
        find_tool("mariadb-binlog", "mysqlbinlog"),
        f"--defaults-file={account}",
        "--read-from-remote-server",
        "--raw",
        "--stop-never",
        f"--stop-never-slave-server-id={number}",
        f"--result-file={folder}/",
        first,
    ]


def _of_mysql(account: Path, folder: Path, first: str, number: int) -> list[str]:
    return [sys.executable, "-m", stream.__name__, str(account), str(folder), first, str(number)]
