"""What goes wrong with backups, each with a code of its own."""

from models.core.errors import MaitredError


class BackupsOff(MaitredError):
    """BACKUP_STORE or BACKUP_KEY is not set: nothing can be kept or brought back."""

    code = "backups-off"


class BackupFailed(MaitredError):
    """A tool of the database, or the store, did not do its work; the text names it."""

    code = "backup-failed"


class PieceDamaged(MaitredError):
    """A stored piece is missing, changed, cut, moved, or was sealed with another key."""

    code = "backup-damaged"

    def __init__(self, piece: str, what: str) -> None:
        super().__init__(f"{piece}: {what}")
        self.piece = piece
        self.what = what


class RestoreRefused(MaitredError):
    """What came back is not what was kept, or there is no room for it; nothing was handed over."""

    code = "restore-refused"


class StoreFailed(MaitredError):
    """A store of backups is away, full, refuses, or is set up wrongly; the text names it."""

    code = "store-failed"
