"""Reads from a server's binary log the rows of transactions that another server never had."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from sqlalchemy import URL

from models.rules.gtids import Missing, Position
from tasks.backups.databases.account import account_file
from tasks.backups.databases.tools import find_tool, output_of
from tasks.backups.faults import BackupFailed
from tasks.failover.faults import FailoverRefused

_GTID: Final = re.compile(rb"\tGTID (\d+)-(\d+)-(\d+)\b")
_ROW: Final = re.compile(rb"### (INSERT INTO|UPDATE|DELETE FROM) `([^`]*)`\.`([^`]*)`")
_KEY: Final = re.compile(rb"###   @1=(.*)")
_WHAT: Final = {b"INSERT INTO": "new", b"UPDATE": "changed", b"DELETE FROM": "gone"}


@dataclass(frozen=True, slots=True)
class Change:
    """A row change. `what`: new, changed or gone; `key`: the row's first column, as text."""

    database: str
    table: str
    what: str
    key: str


def changes(
    url: URL, missing: tuple[Missing, ...], *, since: Position, first_file: str
) -> list[Change]:
    """Return the row changes of the transactions `missing` on the server of `url`, in order.

    `since`: the position up to which the other server has everything. `first_file`: the oldest
    binary log file that the server still has. The account needs REPLICATION SLAVE. Raises
    FailoverRefused when the log cannot be read.
    """
    begin = ",".join(f"{domain}-{server}-{last}" for (domain, server), last in since.items())
    with account_file(url) as file:
        argv = [
            find_tool("mariadb-binlog"),
            f"--defaults-file={file}",
            "--read-from-remote-server",
            "--to-last-log",
            "--base64-output=decode-rows",
            "--verbose",
            *([f"--start-position={begin}"] if begin else []),
            first_file,
        ]
        try:
            with output_of(argv) as output:
                return list(_read(output, missing))
        except BackupFailed as problem:
            raise FailoverRefused(f"its binary log cannot be read: {problem}") from problem


def _read(output: BinaryIO, missing: tuple[Missing, ...]) -> Iterator[Change]:
    wanted, row = False, None
    for line in _lines(output):
        if found := _GTID.search(line):
            wanted = _is_in(missing, *map(int, found.groups()))
        elif wanted and (found := _ROW.match(line)):
            row = found.groups()
        elif row and (found := _KEY.match(line)):
            what, database, table = row
            key = found[1].decode("utf-8", "replace")
            yield Change(database.decode(), table.decode(), _WHAT[what], key)
            row = None


def _lines(output: BinaryIO) -> Iterable[bytes]:
    return (line.rstrip(b"\n") for line in output)


def _is_in(missing: tuple[Missing, ...], domain: int, server: int, number: int) -> bool:
    return any(
        (one.domain, one.server) == (domain, server) and one.first <= number <= one.last
        for one in missing
    )
