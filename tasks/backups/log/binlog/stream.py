"""`python -m tasks.backups.log.binlog.stream`: copies a MySQL server's binary log as it is written.

Does what `mysqlbinlog --raw --stop-never` does, with MariaDB's client library: MariaDB's own
program does not support MySQL servers, and no Debian release has MySQL's. Ends when the server
does.
"""

import ctypes
import struct
import sys
import zlib
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any, Final

#: Constants of mysql.h and mariadb_rpl.h.
_READ_TIMEOUT, _DEFAULT_FILE, _DEFAULT_GROUP = 11, 4, 5
_FILENAME, _START, _SERVER_ID = 0, 1, 2
_ERROR: Final = ctypes.c_ulong(-1).value
#: Offset in MYSQL of the pointer to the last packet: the fifth pointer of its first member, NET.
_READ_POS: Final = 4 * ctypes.sizeof(ctypes.c_void_p)
_RPL_VERSION: Final = 2

_MAGIC: Final = b"\xfebin"
_HEADER: Final = struct.Struct("<IBIIIH")
_ROTATE, _FORMAT = 4, 15
_HEARTBEATS: Final = frozenset({27, 41})
#: Flag of an event that the server made for this connection: it is in no file.
_ARTIFICIAL: Final = 0x20
_CHECKSUM: Final = 4
#: Seconds between the heartbeats of an idle server, and of silence after which it counts as gone.
_HEARTBEAT_SECONDS, _SILENT_SECONDS = 5, 20
#: Prefixes of variables: MySQL's up to 8.3, and since.
_SAID: Final = ("master", "source")


class StreamFailed(Exception):
    """The server refused, or the connection failed; the text tells the reason."""


class Stream:
    """A connection over which the server sends its log, from the start of the file `first`."""

    def __init__(self, options: str, first: str, number: int) -> None:
        self._lib = lib = _library()
        self._mysql = lib.mysql_init(None)
        lib.mysql_options(self._mysql, _DEFAULT_FILE, options.encode())
        lib.mysql_options(self._mysql, _DEFAULT_GROUP, b"client")
        silent = ctypes.c_uint(_SILENT_SECONDS)
        lib.mysql_options(self._mysql, _READ_TIMEOUT, ctypes.byref(silent))
        if not lib.mysql_real_connect(self._mysql, None, None, None, None, 0, None, 0):
            raise self._failed()
        for name in _SAID:
            self._run(f"SET @{name}_binlog_checksum = @@global.binlog_checksum")
            self._run(f"SET @{name}_heartbeat_period = {_HEARTBEAT_SECONDS * 10**9}")
        self._ask(first, number)

    def events(self) -> Iterator[bytes]:
        """Yield the events, without an end. Raises StreamFailed."""
        while True:
            length = self._lib.mysql_net_read_packet(self._mysql)
            if length == _ERROR:
                raise self._failed()
            place = ctypes.c_void_p.from_address(self._mysql + _READ_POS)
            packet = ctypes.string_at(place, length)
            if packet[:1] != b"\x00":
                raise StreamFailed("the server ended its log")
            yield packet[1:]

    def _ask(self, first: str, number: int) -> None:
        lib, name = self._lib, first.encode()
        asked = lib.mariadb_rpl_init_ex(self._mysql, _RPL_VERSION)
        lib.mariadb_rpl_optionsv(asked, _FILENAME, name, ctypes.c_size_t(len(name)))
        lib.mariadb_rpl_optionsv(asked, _START, ctypes.c_ulong(len(_MAGIC)))
        lib.mariadb_rpl_optionsv(asked, _SERVER_ID, ctypes.c_uint(number))
        if lib.mariadb_rpl_open(asked):
            raise self._failed()

    def _run(self, statement: str) -> None:
        if self._lib.mysql_query(self._mysql, statement.encode()):
            raise self._failed()

    def _failed(self) -> StreamFailed:
        said = self._lib.mysql_error(self._mysql).decode("utf-8", "replace")
        return StreamFailed(f"{self._lib.mysql_errno(self._mysql)}: {said}")


def _library() -> Any:
    """Return MariaDB's client library, which the database driver uses as well."""
    try:
        lib = ctypes.CDLL("libmariadb.so.3")
    except OSError as missing:
        raise StreamFailed(f"MariaDB's client library is not installed here: {missing}") from None
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    lib.mysql_init.restype = lib.mysql_real_connect.restype = pointer
    lib.mariadb_rpl_init_ex.restype = pointer
    lib.mysql_error.restype = text
    lib.mysql_net_read_packet.restype = ctypes.c_ulong
    lib.mysql_init.argtypes = [pointer]
    lib.mysql_options.argtypes = [pointer, ctypes.c_int, pointer]
    number, flags = ctypes.c_uint, ctypes.c_ulong
    lib.mysql_real_connect.argtypes = [pointer, text, text, text, text, number, text, flags]
    lib.mysql_query.argtypes = [pointer, text]
    lib.mariadb_rpl_init_ex.argtypes = [pointer, ctypes.c_uint]
    lib.mariadb_rpl_optionsv.argtypes = [pointer, ctypes.c_int]
    for name in ("mysql_errno", "mysql_error", "mysql_net_read_packet", "mariadb_rpl_open"):
        getattr(lib, name).argtypes = [pointer]
    return lib


def write(events: Iterator[bytes], folder: Path) -> None:
    """Write each file of the log under its own name, from its first byte, an event at a time."""
    file: FileIO | None = None
    for event in events:
        _at, kind, _server, _length, end, flags = _HEADER.unpack_from(event)
        if kind in _HEARTBEATS:
            continue
        if kind == _ROTATE and flags & _ARTIFICIAL:
            file = _opened(folder / _next_file(event), file)
        elif file is None:
            raise StreamFailed(f"an event of kind {kind} before the name of its file")
        elif end and not flags & _ARTIFICIAL:
            file.write(event)


def _next_file(event: bytes) -> str:
    body, checksum = event[:-_CHECKSUM], event[-_CHECKSUM:]
    if zlib.crc32(body) == int.from_bytes(checksum, "little"):
        event = body
    return event[_HEADER.size + 8 :].decode()  # a position of eight bytes precedes the name


def _opened(path: Path, before: FileIO | None) -> FileIO:
    if before is not None:
        before.close()
    # unbuffered: every event is readable for the shipper immediately, and survives a kill
    file = path.open("wb", buffering=0)
    file.write(_MAGIC)
    return file


def main(options: str, folder: str, first: str, number: str) -> int:
    """Copy until the server ends; then print the reason on standard error and return 1."""
    try:
        write(Stream(options, first, int(number)).events(), Path(folder))
    except (StreamFailed, OSError) as problem:
        sys.stderr.write(f"{problem}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
