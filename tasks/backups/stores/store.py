"""Stores of backups: the protocol, and the folder. A file is either complete or not there."""

import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from models.core.atomic_files import atomic_file, remove_drafts, sync_folder
from tasks.backups.faults import StoreFailed


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """The result of one check of a store."""

    is_well: bool
    text: str


class Store(Protocol):
    """A place for backups. File names consist of letters, digits, `-` and `.`.

    Each method may raise StoreFailed, which names the store: it is unreachable, full, or refuses.
    """

    label: str

    def write(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Yield a file to write; it exists, durably, when the block ends without an error."""
        ...

    def read(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Yield the file of that name. Raises FileNotFoundError."""
        ...

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of all complete files that start with `prefix`, sorted."""
        ...

    def delete(self, name: str) -> None:
        """Delete the file; do nothing when it does not exist."""
        ...

    def tidy(self) -> None:
        """Delete incomplete files to which nothing was added for DEAD_AFTER."""
        ...

    def hold(self) -> int:
        """Extend the locks of the files, where the store can; return how many were extended."""
        ...

    def bring_back(self, since: datetime) -> list[str]:
        """Undo deletions and overwrites since then, where the store can; return the names."""
        ...

    def check(self) -> Sequence[StoreCheck]:
        """Check writing, reading and deleting, and the protection of the files."""
        ...


def try_out(store: Store) -> StoreCheck:
    """Write, read and delete a test file."""
    name, text = f"check-{secrets.token_hex(6)}", secrets.token_bytes(64)
    with store.write(name) as file:
        file.write(text)
    with store.read(name) as file:
        is_same = file.read() == text
    store.delete(name)
    is_gone = name not in store.names("check-")
    return StoreCheck(is_same and is_gone, "a file can be written, read and deleted")


class FolderStore:
    """Files of one folder: written as a draft, synced, renamed. Readable by their owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.label = str(folder)
        with self._store_errors():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        """Yield a file to write; it exists, on disk, when the block ends without an error."""
        with self._store_errors(), atomic_file(self._folder / name) as file:
            yield file

    @contextmanager
    def read(self, name: str) -> Iterator[BinaryIO]:
        """Yield the file of that name. Raises FileNotFoundError."""
        with self._store_errors():
            file = (self._folder / name).open("rb")
        with file:
            yield file

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of all complete files that start with `prefix`, sorted."""
        with self._store_errors():
            found = [path.name for path in self._folder.iterdir() if path.name[0] != "."]
        return sorted(name for name in found if name.startswith(prefix))

    def delete(self, name: str) -> None:
        """Delete the file; do nothing when it does not exist."""
        with self._store_errors():
            (self._folder / name).unlink(missing_ok=True)
            sync_folder(self._folder)

    def tidy(self) -> None:
        """Delete drafts of dead writers."""
        with self._store_errors():
            remove_drafts(self._folder)

    def hold(self) -> int:
        """Return 0: a folder has no locks."""
        return 0

    def bring_back(self, since: datetime) -> list[str]:
        """Raise StoreFailed: a folder has no older versions."""
        raise StoreFailed(f"{self.label}: a folder has no older versions of its files")

    def check(self) -> Sequence[StoreCheck]:
        """Check writing, reading and deleting, the folder's mode, and the free space."""
        tried = try_out(self)
        with self._store_errors():
            mode = self._folder.stat().st_mode
            free = shutil.disk_usage(self._folder).free
        return (
            tried,
            StoreCheck(mode & 0o077 == 0, f"only its owner can access it (mode {mode & 0o777:o})"),
            StoreCheck(True, f"{free / 1e9:.1f} GB are free"),
        )

    @contextmanager
    def _store_errors(self) -> Iterator[None]:
        """Convert OSError into StoreFailed with the folder's name; let FileNotFoundError pass."""
        try:
            yield
        except FileNotFoundError:
            if self._folder.is_dir():
                raise
            raise StoreFailed(f"{self.label}: the folder does not exist") from None
        except OSError as error:
            raise StoreFailed(f"{self.label}: {error.strerror or error}") from error
