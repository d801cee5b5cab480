"""Metrics files of several processes: a full disk loses metrics, but never ends a process.

prometheus_client writes to a memory map of a sparse file. If the disk has no space for a hole, the
kernel ends the process with SIGBUS. Here the space is allocated first; if there is none, this
process continues to count in its own memory, and `/metrics` lacks its counts from then on.
"""

import logging
import mmap
import os
from pathlib import Path
from typing import Any, Final

from prometheus_client import values
from prometheus_client.mmap_dict import _INITIAL_MMAP_SIZE, MmapedDict

log = logging.getLogger(__name__)

_NEW: Final = "a+b"


class RoomyDict(MmapedDict):
    """prometheus_client's MmapedDict in a fully allocated file, or in memory on a full disk."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        if not read_mode and not self._take_room(filename):
            self._f: Any = None
            self._fname = filename
            self._capacity = _INITIAL_MMAP_SIZE
            self._m: Any = mmap.mmap(-1, self._capacity)
            self._positions: dict[str, int] = {}
            self._used = 8
            self._m[:4] = self._used.to_bytes(4, "little")
            return
        super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]

    @staticmethod
    def _take_room(filename: str) -> bool:
        path = Path(filename)
        try:
            with path.open(_NEW) as file:
                size = os.fstat(file.fileno()).st_size
                os.posix_fallocate(file.fileno(), 0, max(size, _INITIAL_MMAP_SIZE))
        except OSError as error:
            _say_lost(filename, error)
            _remove_empty(path)
            return False
        return True

    def _init_value(self, key: str) -> None:
        # an upper bound of the entry's size: its length, the name with padding, two numbers
        wanted = self._used + len(key.encode()) + 4 + 8 + 16
        while self._capacity < wanted:
            self._grow()
        super()._init_value(key)  # type: ignore[no-untyped-call]

    def _grow(self) -> None:
        capacity = self._capacity * 2
        if self._f is not None:
            try:
                os.posix_fallocate(self._f.fileno(), 0, capacity)
                self._m = mmap.mmap(self._f.fileno(), capacity)
            except OSError as error:
                _say_lost(self._fname, error)
                self._f.close()
                self._f = None
        if self._f is None:
            grown = mmap.mmap(-1, capacity)
            grown[: self._used] = self._m[: self._used]
            self._m = grown
        self._capacity = capacity


def _say_lost(filename: str, error: OSError) -> None:
    log.warning(
        "no space for metrics: counted in memory only",
        extra={"file": Path(filename).name, "error": error.strerror},
    )


def _remove_empty(path: Path) -> None:
    try:
        if path.stat().st_size == 0:
            path.unlink()  # the collector of all files cannot read an empty one
    except OSError:
        pass  # there is no such folder or file


def use_roomy_files() -> None:
    """Replace prometheus_client's class. Call this before the first metric is created."""
    vars(values)["MmapedDict"] = RoomyDict
