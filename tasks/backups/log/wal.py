"""SQLite's write-ahead log, read from beside: which pages its commits changed.

Its format is SQLite's own, and fixed (sqlite.org/fileformat2.html). How much of it is committed is
asked of SQLite: what a killed writer left behind that looks like a commit, the next one overwrites.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

from tasks.backups.faults import BackupFailed

_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
#: of the header; its last bit tells the order of bytes in its checksums
_MAGIC: Final = 0x377F0682
_SALT: Final = 0xFFFFFFFF


class Skipped(BackupFailed):
    """The log began anew, and what it held before was not read to its end."""

    code = "log-skipped"


@dataclass(frozen=True, slots=True)
class Changes:
    """What commits changed: how many pages the database has now, and where in the file of the log
    the newest version of each changed page begins.
    """

    page_size: int
    pages: int
    places: dict[int, int]


class Wal:
    """Reads one database's log, each commit once.

    A read transaction has to be open all the time, a new one begun before the old one ends: so
    nothing is overwritten that was not read.
    """

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(f"{database.name}-wal")
        #: how many frames of the log were read, since it began anew last
        self.frames = 0
        self._salts: tuple[int, int] | None = None

    def read(self, committed: Callable[[], int]) -> Changes | None:
        """What was committed since it was read last. None: it cannot be told now, ask again.

        `committed` asks SQLite for the number of frames that are; below zero: it cannot tell now.
        Raises Skipped.
        """
        # unbuffered: what was read before may be another by now
        with self.path.open("rb", buffering=0) as file:
            header = file.read(_HEADER.size)
            frames = committed()
            file.seek(0)
            if frames < 0 or file.read(_HEADER.size) != header:
                return None  # it begins anew at this moment, or somebody else asks
            if frames == 0:
                return Changes(0, 0, {})
            return self._walk(file, self._turn_to(header), frames)

    def _turn_to(self, header: bytes) -> int:
        """It begins anew once all of it is in the database; its first salt then counts one on."""
        if len(header) < _HEADER.size:
            raise Skipped(f"{self.path.name} has no header")
        magic, _version, page_size, _count, *numbers = _HEADER.unpack(header)
        salts = (numbers[0], numbers[1])
        if magic & ~1 != _MAGIC:
            raise Skipped(f"{self.path.name} is no log of SQLite's")
        if salts != self._salts:
            if self._salts is not None and salts[0] != (self._salts[0] + 1) & _SALT:
                raise Skipped(f"{self.path.name} was begun anew while nobody looked")
            self._salts, self.frames = salts, 0
        return int(page_size)

    def _walk(self, file: FileIO, page_size: int, frames: int) -> Changes:
        if frames < self.frames:
            raise Skipped(f"{self.path.name} has {frames} frames; {self.frames} were read")
        size = _FRAME.size + page_size
        places: dict[int, int] = {}
        after = 0
        for number in range(self.frames, frames):
            place = _HEADER.size + number * size
            file.seek(place)
            block = file.read(_FRAME.size)
            if len(block) < _FRAME.size:
                raise Skipped(f"{self.path.name} ends before frame {number}")
            page, after, *salts = _FRAME.unpack(block)[:4]
            if tuple(salts) != self._salts:
                raise Skipped(f"{self.path.name} was begun anew before frame {number}")
            places[page] = place + _FRAME.size
        if places and not after:
            raise Skipped(f"frame {frames} of {self.path.name} ends no commit")
        self.frames = frames
        return Changes(page_size, after, {page: at for page, at in places.items() if page <= after})
