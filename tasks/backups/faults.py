"""Errors of backups and restores, each with its own code."""

from models.core.errors import MaitredError


class BackupsOff(MaitredError):
    """BACKUP_STORE or BACKUP_KEY is not set: nothing can be backed up or restored."""

    code = "backups-off"


class BackupFailed(MaitredError):
    """A database tool or the store failed; the text names it."""

    code = "backup-failed"


class PieceDamaged(MaitredError):
    """A stored piece is missing, changed, cut short, moved, or encrypted with another key."""

    code = "backup-damaged"

    def __init__(self, piece: str, what: str) -> None:
        super().__init__(f"{piece}: {what}")
        self.piece = piece
        self.what = what


class RestoreRefused(MaitredError):
    """The restored data failed its check, or there is no room for it; nothing was handed over."""

    code = "restore-refused"


class StoreFailed(MaitredError):
    """A store of backups is unreachable, full, refuses or is misconfigured; the text names it."""

    code = "store-failed"
