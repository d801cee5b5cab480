"""Files replaced as a whole: written as a draft beside the target, synced, then renamed.

Whoever reads the target finds the old content or the new one, also after a crash at any point. A
writer that is killed leaves a draft: a hidden file that `remove_drafts` finds.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Final

from models.core import clock

#: A writer that has written nothing for this long counts as dead.
DEAD_AFTER: Final = timedelta(hours=1)
_DRAFT: Final = ".draft-"


@contextmanager
def atomic_file(
    path: Path, *, mode: int = 0o600, is_new: bool = False, is_durable: bool = True
) -> Iterator[BinaryIO]:
    """Yield a file to write; it is at `path` when the block ends without an error.

    `mode` is restricted by the umask. `is_new`: raises FileExistsError instead of replacing a file.
    `is_durable`: the content and its name are on disk when the block has ended; without it a crash
    of the machine may lose the file, or leave it empty.
    """
    draft = path.with_name(f"{_DRAFT}{path.name}.{secrets.token_hex(4)}")
    try:
        with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            yield file
            file.flush()
            if is_durable:
                os.fsync(file.fileno())
        if is_new:
            path.hardlink_to(draft)
        else:
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    if is_durable:
        sync_folder(path.parent)


def write_atomically(
    path: Path, data: bytes, *, mode: int = 0o600, is_new: bool = False, is_durable: bool = True
) -> None:
    """Write the whole file, as `atomic_file`; delete drafts of it that dead writers left."""
    with atomic_file(path, mode=mode, is_new=is_new, is_durable=is_durable) as file:
        file.write(data)
    _remove_old_drafts(path)


def link_atomically(link: Path, target: Path | str) -> None:
    """Create or replace the symbolic link by one rename, so that it always exists."""
    draft = link.with_name(f"{_DRAFT}{link.name}.{secrets.token_hex(4)}")
    try:
        draft.symlink_to(target)
        draft.replace(link)
    finally:
        draft.unlink(missing_ok=True)
    _remove_old_drafts(link)


def _remove_old_drafts(path: Path) -> None:
    with suppress(OSError):  # the file is complete, whatever happens to old drafts
        remove_drafts(path.parent, of=path.name)


def remove_drafts(folder: Path, *, of: str = "") -> None:
    """Delete drafts in the folder to which nothing was added for DEAD_AFTER.

    `of`: only those of the file with that name.
    """
    until = (clock.now() - DEAD_AFTER).timestamp()
    start = f"{_DRAFT}{of}." if of else _DRAFT
    for draft in folder.iterdir():
        if draft.name.startswith(start):
            with suppress(FileNotFoundError):  # completed or deleted meanwhile
                if draft.lstat().st_mtime < until:
                    draft.unlink()


def sync_folder(folder: Path) -> None:
    """Make names that were created, replaced or deleted in the folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot sync folders
            raise
    finally:
        os.close(handle)
