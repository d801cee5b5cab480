"""Where backups lie: what a store can do, and the folder. A name is either whole or not there."""

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from models.core import clock
from tasks.backups.faults import StoreFailed

_DRAFT: Final = ".draft-"
#: Whoever has written nothing for so long writes no more.
DEAD_AFTER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that a store was asked about itself, and whether it is as it should be."""

    is_well: bool
    text: str


class Store(Protocol):
    """What a place for backups can do. Names are plain: letters, digits, `-` and `.`.

    Whatever it does may raise StoreFailed, which names the store: it is away, full, or refuses.
    """

    label: str

    def write(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A file to write; it is there, for good, when the block ends without an error."""
        ...

    def read(self, name: str) -> AbstractContextManager[BinaryIO]:
        """The file of that name. Raises FileNotFoundError."""
        ...

    def names(self, prefix: str = "") -> list[str]:
        """Every whole file whose name begins so, sorted."""
        ...

    def delete(self, name: str) -> None:
        """Forget it; nothing when it is not there."""
        ...

    def tidy(self) -> None:
        """Clear away what writers left that died: what nobody has added to for DEAD_AFTER."""
        ...

    def hold(self) -> int:
        """Lock what is there for longer, where the store can; the number of files that were."""
        ...

    def bring_back(self, since: datetime) -> list[str]:
        """Undo what was deleted or overwritten since then, where the store can; the names."""
        ...

    def check(self) -> Sequence[Look]:
        """Whether it can be written, read and deleted from, and what guards it."""
        ...


def try_out(store: Store) -> Look:
    """Write, read and delete a file of no meaning."""
    name, text = f"check-{secrets.token_hex(6)}", secrets.token_bytes(64)
    with store.write(name) as file:
        file.write(text)
    with store.read(name) as file:
        is_same = file.read() == text
    store.delete(name)
    is_gone = name not in store.names("check-")
    return Look(is_same and is_gone, "a file can be written, read and deleted")


class FolderStore:
    """Files of one folder: written beside, synced, renamed. Readable for their owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.label = str(folder)
        with self._telling():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        """A file to write; it is there, and on the disk, when the block ends without an error."""
        draft = self._folder / f"{_DRAFT}{name}.{secrets.token_hex(4)}"
        with self._telling():
            try:
                with open(draft, "xb", opener=_private) as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                draft.rename(self._folder / name)
                self._sync()
            finally:
                draft.unlink(missing_ok=True)

    @contextmanager
    def read(self, name: str) -> Iterator[BinaryIO]:
        """The file of that name. Raises FileNotFoundError."""
        with self._telling():
            file = (self._folder / name).open("rb")
        with file:
            yield file

    def names(self, prefix: str = "") -> list[str]:
        """Every whole file whose name begins so, sorted."""
        with self._telling():
            found = [path.name for path in self._folder.iterdir() if path.name[0] != "."]
        return sorted(name for name in found if name.startswith(prefix))

    def delete(self, name: str) -> None:
        """Forget it; nothing when it is not there."""
        with self._telling():
            (self._folder / name).unlink(missing_ok=True)
            self._sync()

    def tidy(self) -> None:
        """Clear away drafts of writers that died."""
        with self._telling():
            for draft in self._folder.glob(f"{_DRAFT}*"):
                try:
                    age = clock.now().timestamp() - draft.stat().st_mtime
                except FileNotFoundError:
                    continue  # it has become whole
                if age > DEAD_AFTER.total_seconds():
                    draft.unlink(missing_ok=True)

    def hold(self) -> int:
        """A folder locks nothing."""
        return 0

    def bring_back(self, since: datetime) -> list[str]:
        """What is gone from a folder is gone."""
        raise StoreFailed(f"{self.label}: a folder keeps no older versions of its files")

    def check(self) -> Sequence[Look]:
        """Written, read, deleted from; whose it is; what it has room for."""
        tried = try_out(self)
        with self._telling():
            mode = self._folder.stat().st_mode
            free = shutil.disk_usage(self._folder).free
        return (
            tried,
            Look(mode & 0o077 == 0, f"only its owner may look into it (mode {mode & 0o777:o})"),
            Look(True, f"{free / 1e9:.1f} GB are free"),
        )

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What the system says, with the folder's name; a missing file stays a missing file."""
        try:
            yield
        except FileNotFoundError:
            if self._folder.is_dir():
                raise
            raise StoreFailed(f"{self.label}: the folder is not there") from None
        except OSError as error:
            raise StoreFailed(f"{self.label}: {error.strerror or error}") from error

    def _sync(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
