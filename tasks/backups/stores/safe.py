"""The configured stores with their keys and their catalogues; the entry point of all commands."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from models.core.extras import load_extra
from models.core.settings import settings
from tasks.backups.faults import BackupsOff, PieceDamaged
from tasks.backups.manifest import Manifest, chain_of, read_catalogue
from tasks.backups.stores.keys import MasterKey, master_key
from tasks.backups.stores.store import FolderStore, Store

#: The names of BACKUP_STORE and of BACKUP_SECOND_STORE, which holds a copy of every backup.
FIRST: Final = "first"
SECOND: Final = "second"
_S3: Final = "s3://"


@dataclass(frozen=True, slots=True)
class Safe:
    """A store of backups and the key that decrypts them.

    `second` opens the second store, if there is one: it may be unreachable while the first is not.
    """

    store: Store
    key: MasterKey
    second: Callable[[], Store] | None = None

    def at(self, which: str) -> "Safe":
        """Return the safe of that store alone. Raises BackupsOff without one, StoreFailed."""
        if which == FIRST:
            return Safe(self.store, self.key)
        if self.second is None:
            raise BackupsOff("BACKUP_SECOND_STORE is not set: there is one store")
        return Safe(self.second(), self.key)

    def catalogue(self) -> tuple[list[Manifest], list[PieceDamaged]]:
        """Return every backup, oldest first, and the manifests that cannot be trusted."""
        return read_catalogue(self.store, self.key)

    def chain(self, name: str = "") -> list[Manifest]:
        """Return the backup of that name (empty: the newest) with its ancestors, full one first.

        Raises PieceDamaged for a gap. Raises it also when, without a name, any manifest is damaged:
        otherwise an older backup would be restored silently.
        """
        found, damaged = self.catalogue()
        if not name and damaged:
            raise damaged[-1]
        for problem in damaged:
            if problem.piece.partition(".")[0] == name:
                raise problem
        chosen = [one for one in found if one.name == name] if name else found[-1:]
        if not chosen:
            raise PieceDamaged(name or "no backup", "missing" if name else "has been made yet")
        return chain_of(chosen[0], found)


def open_safe(which: str = FIRST) -> Safe:
    """Return the safe of BACKUP_STORE and BACKUP_KEY, or for SECOND that of the second store alone.

    Raises BackupsOff when they are not set, StoreFailed when the requested store is unreachable.
    The other one need not be reachable.
    """
    chosen = settings()
    if not chosen.backup_store:
        raise BackupsOff("BACKUP_STORE is not set: no backups are made, and none can be restored")
    key = master_key(chosen.secret("backup_key"), older=chosen.backup_old_key)
    second = chosen.backup_second_store
    if which != FIRST:
        if not second:
            raise BackupsOff("BACKUP_SECOND_STORE is not set: there is one store")
        return Safe(open_store(second), key)
    return Safe(
        open_store(chosen.backup_store), key, partial(open_store, second) if second else None
    )


def stores() -> tuple[str, ...]:
    """Return the names of the stores that are set. BACKUP_STORE is not checked."""
    return (FIRST, SECOND) if settings().backup_second_store else (FIRST,)


def open_store(address: str) -> Store:
    """Return the store at an address: a folder, or `s3://...`. Raises StoreFailed."""
    if not address.startswith(_S3):
        return FolderStore(Path(address))
    s3 = load_extra(
        "tasks.backups.stores.s3", install="BACKUP_STORE=s3://... needs the extra `s3` (boto3)"
    )
    store: Store = s3.S3Store(address, lock_days=settings().backup_lock_days)
    return store
