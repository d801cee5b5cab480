"""Follows a database's log: copies it into a spool as it is written, encrypts it and stores it."""

import logging
import secrets
import shutil
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Final

from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import unit
from models.operations.running.jobs import forget_results, record_job
from tasks.backups.faults import BackupFailed
from tasks.backups.log.binlog.events import moment
from tasks.backups.log.origin import remembered
from tasks.backups.log.position import as_text
from tasks.backups.log.server import ServerLog
from tasks.backups.log.ship import Diverged, Shipper
from tasks.backups.log.tail import Tail
from tasks.backups.records import LOG
from tasks.backups.stores.safe import Safe

log = logging.getLogger(__name__)

#: Seconds between two queries for the end of the database's log; progress is recorded then.
POLL_SECONDS: Final = 5.0
#: Seconds that a copy may be behind before it is restarted: its connection may be dead.
STUCK_SECONDS: Final = 30.0


class _Copy:
    """One run of the copy of one database's log."""

    def __init__(self, copying: Tail, shipper: Shipper, folder: Path, origin: str) -> None:
        self.copying = copying
        self.shipper = shipper
        self.folder = folder
        self.origin = origin
        self.caught_up = monotonic()
        #: the end of the database's log at the last query
        self.wanted: tuple[int, int] | None = None
        self.polled_at = 0.0

    @property
    def place(self) -> tuple[int, int]:
        """Number of the current file, and how much of it is stored."""
        return self.shipper.number, self.shipper.shipped


class Follower:
    """Keeps one copy running and stores its bytes. Call `step` about once a second."""

    def __init__(self, safe: Safe, url: str, spool: Path) -> None:
        self._safe = safe
        self._server = ServerLog(safe, url)
        self._spool = spool
        self._stack = ExitStack()
        self._copy: _Copy | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Number of the current file and how much of it is stored; zeros without a copy."""
        return self._copy.place if self._copy else (0, 0)

    def step(self) -> int:
        """Store the new bytes; return how many. Starts a copy where none is running.

        Raises BackupFailed, OSError, and the driver's errors while the server is unreachable; the
        next call tries again.
        """
        try:
            if self._copy is None:
                self._ship_what_is_left()
                self._copy = self._begin()
            return self._advance(self._copy)
        except Diverged:
            self.close()
            unit(lambda session: forget_results(session, [LOG]))
            raise

    def _advance(self, copy: _Copy) -> int:
        try:
            goes_on = copy.copying.bring()  # first, so that all bytes before its end are shipped
        except (BackupFailed, OSError):
            self.close()
            raise
        sent = copy.shipper.ship(copy.folder)
        if not goes_on:
            words = copy.copying.last_words
            self.close()
            raise BackupFailed(f"the copy of the log ended: {words}")
        if monotonic() - copy.polled_at >= POLL_SECONDS:
            self._check_progress(copy)
        return sent

    def close(self) -> None:
        """End the copy. Bytes that are not stored yet stay in the spool."""
        self._copy = None
        self._stack.close()

    def _begin(self) -> _Copy:
        origin = self._server.origin()
        shipper = Shipper(self._safe, origin)
        folder = self._spool / f"{origin}-{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700, parents=True)
        copying = self._stack.enter_context(self._server.copied(shipper, folder))
        log.info("database log followed", extra={"origin": origin})
        return _Copy(copying, shipper, folder, origin)

    def _ship_what_is_left(self) -> None:
        """Store what earlier copies left in the spool because their process was killed."""
        self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in sorted(self._spool.iterdir(), key=lambda path: path.stat().st_mtime):
            try:
                Shipper(self._safe, folder.name.partition("-")[0]).ship(folder)
            except Diverged as problem:
                log.error("log spool discarded", extra={"why": problem.message})
            shutil.rmtree(folder)

    def _check_progress(self, copy: _Copy) -> None:
        """Query the end of the database's log, and record progress once the last one is stored.

        Raises Diverged, and BackupFailed when the copy is stuck or the database has another log.
        """
        log_end = copy.copying.log_end()
        if self._server.origin() != copy.origin:
            self.close()
            raise BackupFailed("the database writes another log than the one followed")
        if log_end is not None and copy.place > log_end:
            raise Diverged(f"{copy.place} is stored, but the server's log ends at {log_end}")
        if copy.wanted is not None and copy.place >= copy.wanted:
            copy.caught_up = monotonic()
            self._record(copy)
        elif monotonic() - copy.caught_up > STUCK_SECONDS:
            self.close()
            raise BackupFailed(f"the copy of the log is stuck at {copy.place}")
        copy.wanted = log_end
        copy.polled_at = monotonic()

    def _record(self, copy: _Copy) -> None:
        number, offset = copy.place
        now = clock.now()
        found = {
            "origin": copy.origin,
            "file": number,
            "offset": offset,
            "until": as_text(moment(copy.shipper.until)),
        }

        def work(session: Session) -> None:
            result = remembered(session) | found
            record_job(session, LOG, started=now, ended=now, result=result)

        unit(work)
