"""Ships the log from the spool to the store: each new byte once, in encrypted pieces."""

import hashlib
from pathlib import Path
from typing import Final

from tasks.backups.faults import BackupFailed
from tasks.backups.log.binlog.events import Events
from tasks.backups.log.pieces import PIECE_BYTES, LogSpan, Piece, read_head, spans, write_piece
from tasks.backups.log.position import number_of
from tasks.backups.stores.safe import Safe

#: Small pieces are merged at this number, about a minute's worth at one a second.
MERGE_AT: Final = 60
SMALL_BYTES: Final = 1 << 20


class Diverged(BackupFailed):
    """The server's log is not a continuation of the stored one."""

    code = "log-diverged"


class Shipper:
    """Writes the pieces of one origin, continuing at the end of the stored ones.

    Two shippers at the same time are harmless: they write the same bytes, and a reader accepts
    either's pieces.
    """

    def __init__(self, safe: Safe, origin: str) -> None:
        self._safe = safe
        self.origin = origin
        found = spans(safe.store, origin)
        #: the number of the current file; 0: nothing is stored. `shipped` is its stored size
        self.number = max((one.number for one in found), default=0)
        # old pieces in the middle may have been deleted
        self._reach = max((one.end for one in found if one.number == self.number), default=0)
        self._pieces = [read_head(safe, one) for one in _cover(found, self.number)]
        self.shipped = self._pieces[-1].span.end if self._pieces else 0
        #: seconds since 1970 of the newest event that is stored
        self.until = self._pieces[-1].until if self._pieces else 0
        self._before = self._pieces[0].before if self._pieces else None
        self._events = Events()
        self._is_verified = not self._pieces

    @property
    def file(self) -> str:
        """The file with which the copy of the server's log must start; empty: any."""
        return self._pieces[-1].file if self._pieces else ""

    def ship(self, folder: Path) -> int:
        """Store the new bytes of the files in `folder`; return how many. Raises Diverged, OSError.

        Files that are complete are deleted from the folder.
        """
        numbered = {number_of(path.name): path for path in folder.iterdir() if path.suffix}
        files = sorted((number, path) for number, path in numbered.items() if number >= self.number)
        sent = 0
        for place, (number, path) in enumerate(files):
            if number != self.number:
                self._turn_to(number)
            is_done = place + 1 < len(files)
            sent += self._ship_file(path, is_done=is_done)
            if is_done:
                path.unlink()
        return sent

    def _turn_to(self, number: int) -> None:
        follows = self.number and number == self.number + 1
        self._before = (self.number, max(self.shipped, self._reach)) if follows else None
        self.number, self.shipped, self._reach = number, 0, 0
        self._pieces, self._events, self._is_verified = [], Events(), True

    def _ship_file(self, path: Path, *, is_done: bool) -> int:
        size, first = path.stat().st_size, self.shipped
        if not self._verify(path, size):
            if is_done:
                raise Diverged(f"{path.name} ended at {size}; {self.shipped} bytes are stored")
            return 0
        while self.shipped < size:
            end = min(size, self.shipped + PIECE_BYTES)
            data = _read(path, self.shipped, end)
            self._walk(data)
            self._pieces.append(self._write(path.name, data, end))
            self.shipped = end
        self._merge(path, is_done=is_done)
        return self.shipped - first

    def _write(self, file: str, data: bytes, end: int) -> Piece:
        span = LogSpan(self.origin, self.number, end - len(data), end)
        before = self._before if span.start == 0 else None
        return write_piece(self._safe, span, data, file=file, until=self.until, before=before)

    def _walk(self, data: bytes) -> None:
        try:
            for event in self._events.feed(data):
                self.until = max(self.until, event.at)
        except ValueError as broken:
            raise Diverged(f"{self.origin} file {self.number}: {broken}") from broken

    def _verify(self, path: Path, size: int) -> bool:
        """Whether the file has all of its stored bytes; they are compared once. Raises Diverged."""
        if self._is_verified:
            return size >= self.shipped
        if size < self.shipped:
            return False
        for piece in self._pieces:
            data = _read(path, piece.span.start, piece.span.end)
            if hashlib.sha256(data).hexdigest() != piece.seal.plain_sha256:
                raise Diverged(f"{path.name} differs from {piece.span.name}")
            self._walk(data)
        self._is_verified = True
        return True

    def _merge(self, path: Path, *, is_done: bool) -> None:
        """Merge the small pieces of about a minute, or all pieces of a finished file."""
        small = sum(one.span.end - one.span.start < SMALL_BYTES for one in self._pieces)
        if not is_done and small < MERGE_AT:
            return
        merged: list[Piece] = []
        for run in _runs(self._pieces):
            if len(run) == 1:
                merged += run
                continue
            start, end = run[0].span.start, run[-1].span.end
            span = LogSpan(self.origin, self.number, start, end)
            data, before = _read(path, start, end), run[0].before
            until = run[-1].until
            merged.append(
                write_piece(self._safe, span, data, file=path.name, until=until, before=before)
            )
            for piece in run:
                self._safe.store.delete(piece.span.name)
        self._pieces = merged


def _cover(found: list[LogSpan], number: int) -> list[LogSpan]:
    """Return the pieces that hold a file from its start, without duplicates."""
    chosen: list[LogSpan] = []
    place = 0
    while fitting := [one for one in found if one.number == number and one.start == place]:
        chosen.append(max(fitting))
        place = chosen[-1].end
    return chosen


def _runs(pieces: list[Piece]) -> list[list[Piece]]:
    """Group neighbouring pieces that fit into one piece together."""
    runs: list[list[Piece]] = []
    for piece in pieces:
        if runs and piece.span.end - runs[-1][0].span.start <= PIECE_BYTES:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def _read(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(end - start)
    if len(data) != end - start:
        raise BackupFailed(f"{path.name} is shorter than it was")
    return data
