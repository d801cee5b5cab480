"""The configured store and key, and what the catalogue says: where every command begins."""

from dataclasses import dataclass

from models.core.settings import settings
from tasks.backups.faults import BackupsOff, PieceDamaged
from tasks.backups.keys import MasterKey, master_key
from tasks.backups.manifest import Manifest, chain_of, read_catalogue
from tasks.backups.store import FolderStore, Store


@dataclass(frozen=True, slots=True)
class Safe:
    """A store of backups and the key that opens them."""

    store: Store
    key: MasterKey

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


def open_safe() -> Safe:
    """The safe of BACKUP_FOLDER and BACKUP_KEY. Raises BackupsOff when they are not set."""
    chosen = settings()
    if chosen.backup_folder is None:
        raise BackupsOff("BACKUP_FOLDER is not set: no backups are made, and none can be restored")
    return Safe(FolderStore(chosen.backup_folder), master_key(chosen.backup_key or ""))
