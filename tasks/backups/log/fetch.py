"""Fetches the log since a backup from the store into files: complete, in order, up to a second."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tasks.backups.faults import PieceDamaged, RestoreRefused
from tasks.backups.log.binlog.events import Events, moment
from tasks.backups.log.pieces import PREFIX, LogSpan, Piece, read_head, read_piece, spans
from tasks.backups.log.position import LogPosition, as_text
from tasks.backups.stores.safe import Safe


@dataclass(frozen=True, slots=True)
class Fetched:
    """Files of the log, to be replayed from offset `start` of the first; complete up to `until`."""

    files: tuple[Path, ...]
    start: int
    until: datetime
    size: int


class _Reader:
    """Reads the pieces of one origin in order; a merged piece stands for its parts."""

    def __init__(self, safe: Safe, origin: str) -> None:
        self._safe = safe
        self._origin = origin
        self._spans = spans(safe.store, origin)

    def next(self, number: int, place: int) -> tuple[Piece, bytes] | None:
        """Return the piece with the byte at `place`, and its bytes; None when there is none.

        Pieces may be merged meanwhile: for one that is gone, the store is listed once more.
        """
        span = self._find(number, place)
        if span is None:
            return None
        try:
            return read_piece(self._safe, span)
        except PieceDamaged:
            self._spans = spans(self._safe.store, self._origin)
            again = self._find(number, place)
            if again is None or again == span:
                raise
            return read_piece(self._safe, again)

    def reach(self, number: int) -> int:
        """Return the end of the stored part of a file."""
        return max((one.end for one in self._spans if one.number == number), default=0)

    def after(self, number: int) -> int | None:
        """Return the number of the next file with any stored part; None at the end."""
        return min((one.number for one in self._spans if one.number > number), default=None)

    def _find(self, number: int, place: int) -> LogSpan | None:
        found = (one for one in self._spans if one.number == number)
        return max(
            (one for one in found if one.start <= place < one.end),
            key=lambda one: one.end,
            default=None,
        )


class _Fetch:
    """One fetch: its files and its progress."""

    def __init__(self, safe: Safe, base: LogPosition, place: Path, to: datetime | None) -> None:
        self._reader = _Reader(safe, base.origin)
        self._base, self._place = base, place
        self._stop = None if to is None else int(to.timestamp())
        self.newest = 0
        self.is_reached = False
        self.files: list[Path] = []
        self.size = 0

    def run(self) -> None:
        """Fetch file after file up to the end, or to the requested second."""
        number, before = self._base.number, None
        while not self.is_reached:
            size = self._file(number, before)
            following = self._reader.after(number)
            if following is None or self.is_reached:
                return
            if following != number + 1:
                raise self._missing(number + 1, 0)
            number, before = following, (number, size)

    def _file(self, number: int, before: tuple[int, int] | None) -> int:
        """Fetch one file; return its size. `before`: required of its first piece, unless None."""
        first = self._reader.next(number, 0)
        if first is None:
            raise self._missing(number, 0)
        piece, data = first
        if before is not None and piece.before != before:
            self._refuse(piece, before)
        path = self._place / f"log.{number:08d}"
        start = self._base.offset if before is None else 0
        events = Events(start)
        with path.open("xb") as file:
            file.write(data)
        end = self._rest(number, start, events, path, name=piece.file)
        if self.is_reached or events.end != end:
            with path.open("r+b") as file:
                file.truncate(events.end)
        if events.end:
            self.files.append(path)
        return end

    def _rest(self, number: int, place: int, events: Events, file: Path, *, name: str) -> int:
        """Write the pieces from `place` on to `file`, and walk their events; return the end."""
        with file.open("r+b") as target:
            while not self.is_reached and (found := self._reader.next(number, place)):
                piece, data = found
                if piece.file != name:
                    raise PieceDamaged(piece.span.name, f"is of {piece.file}, not of {name}")
                block = data[place - piece.span.start :]
                target.seek(place)
                target.write(block)
                place = piece.span.end
                self.size += len(block)
                self._walk(piece, events, block)
        reach = self._reader.reach(number)
        if not self.is_reached and reach != place:
            raise self._missing(number, min(reach, place))
        return place

    def _walk(self, piece: Piece, events: Events, block: bytes) -> None:
        try:
            for event in events.feed(block):
                if self._stop is not None and event.at >= self._stop:
                    self.is_reached = True
                    return
                self.newest = max(self.newest, event.at)
        except ValueError as broken:
            raise PieceDamaged(piece.span.name, str(broken)) from broken

    def _missing(self, number: int, place: int) -> PieceDamaged:
        name = f"{PREFIX}{self._base.origin}-{number:08d}-{place:012d}-..."
        return PieceDamaged(name, "missing: the log has a gap there")

    def _refuse(self, piece: Piece, before: tuple[int, int]) -> None:
        number, size = before
        if piece.before is not None and piece.before[0] == number and piece.before[1] > size:
            raise self._missing(number, size)
        raise PieceDamaged(piece.span.name, f"does not follow file {number} of {size} bytes")


def end_of_log(safe: Safe, base: LogPosition) -> datetime | None:
    """Return the time that the log reaches from `base`; None if the names show a missing piece."""
    newest: LogSpan | None = None
    number, place, reach = base.number, base.offset, 0
    for span in spans(safe.store, base.origin):
        if span.number == number + 1:
            number, place = span.number, 0
        if span.number == number:
            if span.start > place:
                return None
            newest = span
            place = max(place, span.end)
            reach = max(reach, span.end) if number == base.number else reach
        elif span.number > number:
            return None
    return moment(read_head(safe, newest).until) if newest and reach >= base.offset else None


def fetch_log(
    safe: Safe, base: LogPosition, place: Path, *, since: datetime, to: datetime | None
) -> Fetched:
    """Fetch the log after `base` into the folder `place`, up to the second `to` (None: its end).

    Events of the second `to` or later are left out. `since` is the end of the backup. Raises
    PieceDamaged, naming the missing or damaged piece, and RestoreRefused when the log ends before
    `to`.
    """
    fetch = _Fetch(safe, base, place, to)
    try:
        fetch.run()
    except PieceDamaged as problem:
        whole = as_text(moment(fetch.newest) if fetch.newest else since)
        raise PieceDamaged(
            problem.piece, f"{problem.what}; it is complete until {whole}"
        ) from problem
    newest = moment(fetch.newest) if fetch.newest else since
    if to is not None and not fetch.is_reached:
        raise RestoreRefused(f"the log ends at {as_text(newest)}, before {as_text(to)}")
    return Fetched(tuple(fetch.files), base.offset, to or newest, fetch.size)
