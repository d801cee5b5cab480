"""The events of a log, one after the other: where each stands, and when it was written.

As MariaDB's binary log has them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Final

#: A file begins with these.
MAGIC: Final = b"\xfebin"
#: The kind of event that every transaction begins with (MariaDB's GTID event).
BEGINS_TRANSACTION: Final = 162
_HEADER: Final = struct.Struct("<IBIIIH")


@dataclass(frozen=True, slots=True)
class Event:
    """One whole event: its bytes are `start` to `end` of its file; `at` in seconds since 1970."""

    start: int
    end: int
    at: int
    kind: int

    def body(self, file: BinaryIO) -> bytes:
        """What stands in it behind its header."""
        file.seek(self.start + _HEADER.size)
        return file.read(self.end - self.start - _HEADER.size)


class Events:
    """Walks one file that comes in blocks, from the start of an event on."""

    def __init__(self, position: int = 0) -> None:
        #: the end of the last whole event
        self.end = position
        self._next = position or len(MAGIC)
        self._rest = b""
        self._rest_at = position

    def feed(self, block: bytes) -> Iterator[Event]:
        """The events that are whole with this block. Raises ValueError for what is no event.

        The iterator has to be used up before the next block.
        """
        data, begins = self._rest + block, self._rest_at
        limit = begins + len(data)
        while self._next + _HEADER.size <= limit:
            at, kind, _server, length, _end, _flags = _HEADER.unpack_from(data, self._next - begins)
            if length < _HEADER.size:
                raise ValueError(f"no event at {self._next}")
            if self._next + length > limit:
                break
            yield Event(self._next, self._next + length, at, kind)
            self._next += length
            self.end = self._next
        self._rest = data[max(0, self._next - begins) :]
        self._rest_at = limit - len(self._rest)


def moment(seconds: int) -> datetime:
    """The time of an event, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
