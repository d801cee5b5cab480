"""MySQL's binary log: the settings that it requires, and its conversion for a replay by MariaDB.

MariaDB can read it except for three things: JSON columns, collations that MariaDB lacks, and
events for replication, which a replay does not need.
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
#: Passed on unchanged: rotate, stop, a statement's integers and variables, end of transaction.
_AS_THEY_ARE: Final = frozenset({3, 4, 5, 13, 14, 16})
#: Dropped: heartbeats, statements as comments, global transaction ids, group replication.
_LEFT_OUT: Final = frozenset({27, 28, 29, 33, 34, 35, 36, 37, 41, 42})
#: Required values of a server's variables, which are MySQL's defaults.
_WANTED: Final = {
    "binlog_format": "ROW",
    "binlog_row_image": "FULL",
    "binlog_row_value_options": "",
    "binlog_transaction_compression": "OFF",
}
#: A statement's head: thread, seconds, length of database name, error, length of status variables.
_QUERY_HEAD: Final = struct.Struct("<IIBHH")
#: Status variables that may precede the collations: code -> bytes; _CATALOG has length and name.
_FLAGS, _MODE, _CATALOG, _INCREMENT, _COLLATIONS = 0, 1, 6, 3, 4
_LENGTHS: Final = {_FLAGS: 4, _MODE: 8, _INCREMENT: 4}
#: The first number of MySQL's new collations; and that of utf8mb4_bin, which both servers have.
_FIRST_OF_MYSQL, _BINARY = 255, 46


def check_variables(connection: Connection) -> None:
    """Check the server's variables. Raises BackupFailed if its log could not be replayed."""
    names = ", ".join(f"'{name}'" for name in _WANTED)
    found = connection.exec_driver_sql(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})")
    for name, value in found:
        if value != _WANTED[name]:
            raise BackupFailed(
                f"the server's log cannot be replayed: {name} is {value or 'empty'}, "
                f"and has to be {_WANTED[name] or 'empty'}"
            )


def for_mariadb(path: Path, start: int) -> Path:
    """Convert a log file from `start` on for MariaDB; return the new file, in the same folder.

    The first event, which describes the format, is always included. Raises BackupFailed.
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
        if is_first:  # the events up to `start` may not have been fetched
            source.seek(max(start, source.tell()))
            is_first = False


class _Changes:
    """The state of a conversion: whether there are checksums, and the tables by number."""

    def __init__(self) -> None:
        self._checksum = 0
        self._tables: dict[bytes, Table] = {}

    def apply(self, event: bytes) -> bytes:
        """Return the bytes to write for an event; b"" if it is dropped. Raises BackupFailed."""
        kind = event[4]
        if kind == _FORMAT:
            # the byte before the checksum, which this event always has, is the checksum type
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
    """Return a statement's body with MySQL-only session collations replaced by utf8mb4_bin."""
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
