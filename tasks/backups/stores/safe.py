"""The configured stores and keys, and what the catalogue says: where every command begins."""

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

#: BACKUP_STORE, and BACKUP_SECOND_STORE that holds a copy of each.
FIRST: Final = "first"
SECOND: Final = "second"
_S3: Final = "s3://"


@dataclass(frozen=True, slots=True)
class Safe:
    """A store of backups and the key that opens them.

    `second` opens the second store, where there is one: it may be away while the first is there.
    """

    store: Store
    key: MasterKey
    second: Callable[[], Store] | None = None

    def at(self, which: str) -> "Safe":
        """The safe of that store alone. Raises BackupsOff without one, StoreFailed."""
        if which == FIRST:
            return Safe(self.store, self.key)
        if self.second is None:
            raise BackupsOff("BACKUP_SECOND_STORE is not set: there is one store")
        return Safe(self.second(), self.key)

    def catalogue(self) -> tuple[list[Manifest], list[PieceDamaged]]:
        """Every backup, oldest first; and the manifests that cannot be trusted."""
        return read_catalogue(self.store, self.key)

    def chain(self, name: str = "") -> list[Manifest]:
        """The backup of that name (empty: the newest) and all it stands on, the full one first.

        Raises PieceDamaged for a gap. A newest manifest that is damaged is no reason to restore
        an older one in silence: it is raised too.
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
    """The safe of BACKUP_STORE and BACKUP_KEY; of the second store alone where that is asked for.

    Raises BackupsOff when they are not set, StoreFailed when the store that is asked for is away.
    The other need not be there.
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
    """Which stores are set."""
    return (FIRST, SECOND) if settings().backup_second_store else (FIRST,)


def open_store(address: str) -> Store:
    """The store of such a setting: a folder, or `s3://...`. Raises StoreFailed."""
    if not address.startswith(_S3):
        return FolderStore(Path(address))
    s3 = load_extra(
        "tasks.backups.stores.s3", install="BACKUP_STORE=s3://... needs the extra `s3` (boto3)"
    )
    store: Store = s3.S3Store(address, lock_days=settings().backup_lock_days)
    return store
