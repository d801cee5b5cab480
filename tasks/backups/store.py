"""Where backups lie: a folder. A name is either whole or not there."""

import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol

_DRAFT: Final = ".draft-"


class Store(Protocol):
    """What a place for backups can do. Names are plain: letters, digits, `-` and `.`."""

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
        """Clear away what writers left that died. Call it while nobody writes."""
        ...


class FolderStore:
    """Files of one folder: written beside, synced, renamed. Readable for their owner alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        """A file to write; it is there, and on the disk, when the block ends without an error."""
        draft = self._folder / f"{_DRAFT}{name}.{secrets.token_hex(4)}"
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
        with (self._folder / name).open("rb") as file:
            yield file

    def names(self, prefix: str = "") -> list[str]:
        """Every whole file whose name begins so, sorted."""
        found = (path.name for path in self._folder.iterdir())
        return sorted(name for name in found if name[0] != "." and name.startswith(prefix))

    def delete(self, name: str) -> None:
        """Forget it; nothing when it is not there."""
        (self._folder / name).unlink(missing_ok=True)
        self._sync()

    def tidy(self) -> None:
        """Clear away drafts of writers that died."""
        for draft in self._folder.glob(f"{_DRAFT}*"):
            draft.unlink(missing_ok=True)

    def _sync(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
