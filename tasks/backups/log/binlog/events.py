"""Reads the events of a binary log in MariaDB's format: their positions and times."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Final

#: The first bytes of every file.
MAGIC: Final = b"\xfebin"
_HEADER: Final = struct.Struct("<IBIIIH")


@dataclass(frozen=True, slots=True)
class Event:
    """One complete event: bytes `start` to `end` of its file; `at` in seconds since 1970."""

    start: int
    end: int
    at: int
    kind: int

    def body(self, file: BinaryIO) -> bytes:
        """Return the event's bytes after its header."""
        file.seek(self.start + _HEADER.size)
        return file.read(self.end - self.start - _HEADER.size)


class Events:
    """Walks the events of a file that arrives in blocks, from the start of an event."""

    def __init__(self, position: int = 0) -> None:
        #: the end of the last complete event
        self.end = position
        self._next = position or len(MAGIC)
        self._rest = b""
        self._rest_at = position

    def feed(self, block: bytes) -> Iterator[Event]:
        """Yield the events that this block completes. Raises ValueError for invalid bytes.

        The iterator must be exhausted before the next call.
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
    """Return the time of an event, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
