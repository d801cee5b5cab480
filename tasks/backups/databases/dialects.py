"""Conversion of dumps: MySQL's SQL for MariaDB, and the reverse.

Only lines that define a table are changed. A dump escapes the line breaks of a row as `\\n`, so
that no part of a row looks like such a line.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

#: Collations of MySQL 8, among them its default, that MariaDB lacks.
_OF_MYSQL: Final = re.compile(rb"\bCOLLATE([ =])utf8mb4_(?:[a-z]+_)*0900_\w+")
#: MariaDB dumps a JSON column as text, which it is there.
_JSON: Final = re.compile(
    rb"^  (`[^`]+`) longtext(?: CHARACTER SET utf8mb4)?(?: COLLATE utf8mb4_bin)?"
    rb"(?P<rest>[^`]*) CHECK \(json_valid\(\1\)\)(?P<comma>,?)$"
)
#: The beginnings of lines that define a table or a column.
_DEFINES: Final = (b"  `", b") ENGINE=", b"CREATE DATABASE")
#: No definition is longer. Lines with rows are, and are passed on in parts.
_LONGEST: Final = 1 << 16


def is_mariadb(version: str) -> bool:
    """Whether a server of that `@@version` is MariaDB and not MySQL."""
    return "mariadb" in version.lower()


def for_server(blocks: Iterable[bytes], *, made_by: str, read_by: str) -> Iterable[bytes]:
    """Convert a dump made by the server version `made_by` for the version `read_by`."""
    if is_mariadb(made_by) == is_mariadb(read_by):
        return blocks
    return _by_line(blocks, _for_mariadb if is_mariadb(read_by) else _for_mysql)


def _for_mariadb(line: bytes) -> bytes:
    return _OF_MYSQL.sub(rb"COLLATE\1utf8mb4_bin", line)


def _for_mysql(line: bytes) -> bytes:
    return _JSON.sub(rb"  \1 json\g<rest>\g<comma>", line)


def _by_line(blocks: Iterable[bytes], change: Callable[[bytes], bytes]) -> Iterator[bytes]:
    rest, is_middle = b"", False
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield (line if is_middle else _changed(line, change)) + b"\n"
            is_middle = False
        if len(rest) > _LONGEST and not rest.startswith(_DEFINES):
            yield rest
            rest, is_middle = b"", True
    yield rest if is_middle else _changed(rest, change)


def _changed(line: bytes, change: Callable[[bytes], bytes]) -> bytes:
    return change(line) if line.startswith(_DEFINES) else line
