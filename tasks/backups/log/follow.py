"""Following a MariaDB server's binary log: copied into a spool as it is written, and stored."""

import logging
import secrets
import shutil
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Final

from sqlalchemy import Engine, make_url
from sqlalchemy.orm import Session

from models.core import clock
from models.core.db import make_engine, primary_url, unit
from models.operations.house import forget_results, record_job, remember
from tasks.backups.faults import BackupFailed
from tasks.backups.log.events import moment
from tasks.backups.log.origin import Server, look_at, origin_of, stored_files
from tasks.backups.log.position import as_text, number_of
from tasks.backups.log.ship import Diverged, Shipper
from tasks.backups.log.tail import Tail, tailing
from tasks.backups.records import LOG
from tasks.backups.safe import Safe

log = logging.getLogger(__name__)

#: How often the server is asked how far its log is, which is then written down. In seconds.
LOOK_SECONDS: Final = 5.0
#: A copy that is behind for longer is begun anew: its connection may be dead.
STUCK_SECONDS: Final = 30.0


class _Copy:
    """One copy of one server's log, from its start to its end."""

    def __init__(self, tail: Tail, shipper: Shipper, folder: Path, origin: str) -> None:
        self.tail = tail
        self.shipper = shipper
        self.folder = folder
        self.origin = origin
        self.caught_up = monotonic()
        #: where the server stood when it was asked last
        self.wanted: tuple[int, int] | None = None
        self.looked = 0.0

    @property
    def place(self) -> tuple[int, int]:
        """How far it is stored."""
        return self.shipper.number, self.shipper.shipped


class Follower:
    """Keeps one copy going, and stores what it brings. `step` it once a second."""

    def __init__(self, safe: Safe, url: str, spool: Path) -> None:
        self._safe = safe
        self._url = url
        self._bind: Engine = make_engine(url, pool_size=1)
        self._spool = spool
        self._stack = ExitStack()
        self._copy: _Copy | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Number of the newest file and how much of it is stored; zeros before it began."""
        return self._copy.place if self._copy else (0, 0)

    def step(self) -> int:
        """Store what is new; how many bytes. Begins a copy where none runs.

        Raises what is wrong: BackupFailed, the driver's errors while the server is away, OSError.
        Call it again.
        """
        if self._copy is None:
            self._ship_what_is_left()
            self._copy = self._begin()
        copy = self._copy
        has_ended = copy.tail.has_ended  # asked first: what it wrote before is shipped below
        try:
            sent = copy.shipper.ship(copy.folder)
        except Diverged:
            self.close()
            unit(lambda session: forget_results(session, [LOG]))
            raise
        if has_ended:
            words = copy.tail.last_words
            self.close()
            raise BackupFailed(f"the copy of the binary log ended: {words}")
        if monotonic() - copy.looked >= LOOK_SECONDS:
            self._look(copy)
        return sent

    def close(self) -> None:
        """End the copy. What it brought and was not stored yet stays in the spool."""
        self._copy = None
        self._stack.close()

    def _begin(self) -> _Copy:
        server, files = self._ask()
        if not server.file:
            raise BackupFailed("the server keeps no binary log (log_bin), or it is no MariaDB")
        origin = origin_of(server.id)
        shipper = Shipper(self._safe, origin)
        first = self._first(shipper, files, origin)
        folder = self._spool / f"{origin}-{secrets.token_hex(4)}"
        folder.mkdir(mode=0o700, parents=True)
        # asked now: of several servers another one may have taken over
        url = make_url(primary_url(self._url))
        tail = self._stack.enter_context(tailing(url, folder, first))
        log.info("the log is followed", extra={"origin": origin, "file": first})
        return _Copy(tail, shipper, folder, origin)

    def _first(self, shipper: Shipper, files: list[str], origin: str) -> str:
        """The file to copy from: the one that is stored in part, or the newest backup's."""
        if shipper.file in files:
            return shipper.file
        if shipper.file:
            later = [file for file in files if number_of(file) > shipper.number]
            if not later:
                unit(lambda session: forget_results(session, [LOG]))
                raise Diverged(f"{shipper.file} is stored, and the server has {files[-1]} only")
            log.error("the log has a gap", extra={"stored": shipper.file, "server": later[0]})
            return later[0]
        found, _damaged = self._safe.catalogue()
        stand = [one.log.file for one in found if one.log and one.log.origin == origin]
        return next((file for file in reversed(stand) if file in files), files[-1])

    def _ask(self) -> tuple[Server, list[str]]:
        try:
            with self._bind.connect() as connection:
                server = look_at(connection)
                return server, stored_files(connection) if server.file else []
        finally:
            self._bind.dispose()

    def _ship_what_is_left(self) -> None:
        """What earlier copies brought and nobody stored, the process having been killed."""
        self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in sorted(self._spool.iterdir(), key=lambda path: path.stat().st_mtime):
            try:
                Shipper(self._safe, folder.name.partition("-")[0]).ship(folder)
            except Diverged as problem:
                log.error("a spool was dropped", extra={"why": problem.message})
            shutil.rmtree(folder)

    def _look(self, copy: _Copy) -> None:
        """Write down that the log is whole up to where the server stood at the last look."""
        if copy.wanted is not None and copy.place >= copy.wanted:
            copy.caught_up = monotonic()
            self._record(copy)
        elif monotonic() - copy.caught_up > STUCK_SECONDS:
            self.close()
            raise BackupFailed(f"the copy of the binary log stands at {copy.place}")
        server, _files = self._ask()
        copy.wanted = (number_of(server.file), server.offset) if server.file else None
        copy.looked = monotonic()

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
            life = remember(session, LOG, {"life": secrets.token_hex(8)})["life"]
            record_job(session, LOG, started=now, ended=now, result={"life": life, **found})

        unit(work)
