"""Append-only files shared by several processes. A line is written completely or not at all."""

import errno
import fcntl
import os
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from models.core.atomic_files import sync_folder
from models.core.waiting import wait_until

#: Seconds to wait for another process's lock on the file before raising an error.
LOCK_SECONDS: Final = 5.0
#: Errors of network file systems without locks: there a line may still be torn, and readers report
#: it.
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})


class _Descriptor(int):
    """A file descriptor with a `close` method."""

    def close(self) -> None:
        os.close(self)


def append_line(path: Path, line: bytes) -> None:
    """Append the line and a line end; both are on the disk when this returns.

    Raises OSError (no space, no such device, locked for 5 s): then the file is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    # opened for reading as well, to check whether the last line has an end
    with closing(_Descriptor(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600))) as file:
        _lock(file, path)
        size = os.fstat(file).st_size
        # a process that died while writing left a line without an end: start a new line
        start = b"\n" if size and os.pread(file, 1, size - 1) != b"\n" else b""
        try:
            _write(file, start + line + b"\n")
            os.fsync(file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(file, size)
            raise
    if is_new:
        sync_folder(path.parent)


def _lock(file: int, path: Path) -> None:
    if not wait_until(lambda: _try_lock(file), every=0.005, seconds=LOCK_SECONDS):
        raise TimeoutError(errno.ETIMEDOUT, "another process holds it", str(path))


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True


def _write(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        # may write less than it was given, when the disk becomes full within the line
        rest = rest[os.write(file, rest) :]
