"""MySQL's binary log: what it has to be like to be kept, and made fit for MariaDB to replay.

MariaDB reads it but for three things: columns of JSON, collations that it has not, and events of
replication, of which it needs none.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from sqlalchemy import Connection

from tasks.backups.faults import BackupFailed
from tasks.backups.log.binlog.events import MAGIC
from tasks.backups.log.binlog.rows import Table, with_text

_HEADER: Final = struct.Struct("<IBIIIH")
_CRC: Final = struct.Struct("<I")
_QUERY, _FORMAT, _TABLE_MAP = 2, 15, 19
_ROWS: Final = frozenset({23, 24, 25, 30, 31, 32})
#: Rotate, stop, integers and variables of a statement, the end of a transaction: as they are.
_AS_THEY_ARE: Final = frozenset({3, 4, 5, 13, 14, 16})
#: Statements as comments, and global transaction ids in all their kinds.
_LEFT_OUT: Final = frozenset({27, 28, 29, 33, 34, 35, 36, 37, 41, 42})
#: What the log of a server has to be like. These are MySQL's defaults.
_WANTED: Final = {
    "binlog_format": "ROW",
    "binlog_row_image": "FULL",
    "binlog_row_value_options": "",
    "binlog_transaction_compression": "OFF",
}
#: In a statement's heads: thread, seconds, length of its database's name, error, length of this.
_QUERY_HEAD: Final = struct.Struct("<IIBHH")
#: Code -> bytes, of what stands there before the collations. The last is a name and its length.
_FLAGS, _MODE, _CATALOG, _INCREMENT, _COLLATIONS = 0, 1, 6, 3, 4
_LENGTHS: Final = {_FLAGS: 4, _MODE: 8, _INCREMENT: 4}
#: MySQL's new collations have the numbers from this one on; utf8mb4_bin is one that both know.
_FIRST_OF_MYSQL, _BINARY = 255, 46


def check_variables(connection: Connection) -> None:
    """Raises BackupFailed where the server writes a log that could not be replayed."""
    names = ", ".join(f"'{name}'" for name in _WANTED)
    found = connection.exec_driver_sql(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
    for name, value in found:
        if value != _WANTED[name]:
            raise BackupFailed(
                f"the server's log cannot be replayed: {name} is {value or 'empty'}, "
                f"and has to be {_WANTED[name] or 'empty'}"
            )


def for_mariadb(path: Path, start: int) -> Path:
    """A file of the log from `start` on, as MariaDB can replay it, beside it. Raises BackupFailed.

    The first event, which tells how to read the others, is there whatever `start` is.
    """
    fit = path.with_name(f"{path.name}.fit")
    with path.open("rb") as source, fit.open("xb") as target:
        target.write(MAGIC)
        changes = _Changes()
        for event in _events(source, start):
            target.write(changes.apply(event))
    return fit


def _events(source: BinaryIO, start: int) -> Iterator[bytes]:
    source.seek(len(MAGIC))
    is_first = True
    while len(head := source.read(_HEADER.size)) == _HEADER.size:
        yield head + source.read(_HEADER.unpack(head)[3] - len(head))
        if is_first:  # what is between was not fetched
            source.seek(max(start, source.tell()))
            is_first = False


class _Changes:
    """What is known of a file so far: whether there are checksums, and the tables by number."""

    def __init__(self) -> None:
        self._checksum = 0
        self._tables: dict[bytes, Table] = {}

    def apply(self, event: bytes) -> bytes:
        """What stands in the event's place; nothing where it is not needed."""
        kind = event[4]
        if kind == _FORMAT:
            # the kind of checksum, and one of this event in any case
            self._checksum = _CRC.size if event[-1 - _CRC.size] else 0
            return event
        if kind in _AS_THEY_ARE:
            return event
        if kind in _LEFT_OUT:
            return b""
        body = event[_HEADER.size : len(event) - self._checksum]
        if kind == _QUERY:
            return self._whole(event, _with_known_collations(body))
        if kind == _TABLE_MAP:
            table = self._tables[body[:6]] = Table(body)
            return self._whole(event, table.as_text)
        if kind in _ROWS:
            named = self._tables.get(body[:6])
            if named is None or not named.has_json:
                return event
            return self._whole(event, with_text(named, kind, body))
        raise BackupFailed(f"the log holds an event of kind {kind}, which MariaDB cannot replay")

    def _whole(self, event: bytes, body: bytes) -> bytes:
        at, kind, server, _length, end, flags = _HEADER.unpack_from(event)
        length = _HEADER.size + len(body) + self._checksum
        whole = _HEADER.pack(at, kind, server, length, end, flags) + body
        return whole + _CRC.pack(zlib.crc32(whole)) if self._checksum else whole


def _with_known_collations(body: bytes) -> bytes:
    """A statement whose session has no collation that only MySQL knows."""
    *_, length = _QUERY_HEAD.unpack_from(body)
    place, end = _QUERY_HEAD.size, _QUERY_HEAD.size + length
    while place < end:
        code = body[place]
        if code == _COLLATIONS:
            numbers = struct.unpack_from("<HHH", body, place + 1)
            known = (_BINARY if one >= _FIRST_OF_MYSQL else one for one in numbers)
            return body[: place + 1] + struct.pack("<HHH", *known) + body[place + 7 :]
        if code == _CATALOG:
            place += 2 + body[place + 1]
        elif code in _LENGTHS:
            place += 1 + _LENGTHS[code]
        else:
            return body
    return body
