"""SQL of one server made fit for another: what MySQL writes for MariaDB, and the reverse.

Only lines that define a table are changed. A dump writes the line breaks of a row as `\\n`, so that
no row looks like one.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

#: Collations that MySQL 8 has and MariaDB has not; its servers give them to whatever names none.
_OF_MYSQL: Final = re.compile(rb"\bCOLLATE([ =])utf8mb4_(?:[a-z]+_)*0900_\w+")
#: MariaDB writes a JSON column as the text that it is there.
_JSON: Final = re.compile(
    rb"^  (`[^`]+`) longtext(?: CHARACTER SET utf8mb4)?(?: COLLATE utf8mb4_bin)?"
    rb"(?P<rest>[^`]*) CHECK \(json_valid\(\1\)\)(?P<comma>,?)$"
)
#: How the lines begin that define a table or a column.
_DEFINES: Final = (b"  `", b") ENGINE=", b"CREATE DATABASE")
#: No line that defines anything is longer. Rows are, and pass in parts.
_LONGEST: Final = 1 << 16


def is_mariadb(version: str) -> bool:
    """Whether a server of that `@@version` is a MariaDB, not a MySQL."""
    return "mariadb" in version.lower()


def for_server(blocks: Iterable[bytes], *, made_by: str, read_by: str) -> Iterable[bytes]:
    """A dump by a server of the version `made_by` as one of the version `read_by` can read it."""
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
