"""The log of a SQLite database: events that hold the pages which commits changed, whole.

One after the other they lead a picture of the database from commit to commit. A page stands in an
event as it is after it, so what is in the picture already may be put there again.
"""

import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from tasks.backups.faults import RestoreRefused
from tasks.backups.log.events import Event, Events, framed
from tasks.backups.log.origin import noted_in

#: A file begins with these.
MAGIC: Final = b"page"
#: The kinds of event: pages of a change that goes on, and those that make it whole.
PART: Final = 1
WHOLE: Final = 2
#: So many pages stand in one event, at most.
AT_ONCE: Final = 256
#: page size, pages of the database after the change, snapshots that had been made before it
_BODY: Final = struct.Struct(">IIQ")
_PAGE: Final = struct.Struct(">I")
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class State:
    """Of a database after a change. `snapshots`: how many backups had been made of it by then."""

    page_size: int
    pages: int
    snapshots: int


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a log: its events, where they stand, and the state after it."""

    path: Path
    parts: tuple[Event, ...]
    state: State

    @property
    def at(self) -> int:
        """Seconds since 1970: all of it was committed by then."""
        return self.parts[-1].at


def write_change(file: BinaryIO, at: int, state: State, pages: Iterable[tuple[int, bytes]]) -> None:
    """Append a change: these pages, as they are after it."""
    if not file.tell():
        file.write(MAGIC)
    left = iter(pages)
    head = _BODY.pack(state.page_size, state.pages, state.snapshots)
    batch = list(islice(left, AT_ONCE))
    while batch:
        following = list(islice(left, AT_ONCE))
        body = b"".join(_PAGE.pack(number) + page for number, page in batch)
        file.write(framed(at, PART if following else WHOLE, head + body))
        batch = following


def replay(database: Path, files: Sequence[Path], start: int) -> int | None:
    """Lead a restored snapshot on, by these files from `start` of the first; until which second.

    The log begins somewhat before the snapshot. What it says is put in place only once it has come
    to a change that is known to be after it: one that saw the snapshot counted. None when there is
    no such change, and then nothing is touched. Raises RestoreRefused, ValueError.
    """
    counted = _snapshots(database)
    before: list[Change] = []
    until = None
    with database.open("r+b") as target:
        for change in _changes(files, start):
            before.append(change)
            if change.state.snapshots > counted:
                for one in before:
                    _apply(target, one)
                before.clear()
                until = change.at
    _prove(database)
    return until


def _changes(files: Sequence[Path], start: int) -> Iterator[Change]:
    """The whole changes of a log; what breaks off at the end of a file is left out."""
    for path in files:
        events, parts = Events(start), list[Event]()
        start = 0
        with path.open("rb") as file, path.open("rb") as bodies:
            file.seek(events.end)
            while block := file.read(_CHUNK):
                for event in events.feed(block):
                    parts.append(event)
                    if event.kind == WHOLE:
                        state = State(*_BODY.unpack_from(event.body(bodies)))
                        yield Change(path, tuple(parts), state)
                        parts.clear()


def _apply(target: BinaryIO, change: Change) -> None:
    size = change.state.page_size
    with change.path.open("rb") as file:
        for event in change.parts:
            body = event.body(file)
            for place in range(_BODY.size, len(body), _PAGE.size + size):
                (number,) = _PAGE.unpack_from(body, place)
                target.seek((number - 1) * size)
                target.write(body[place + _PAGE.size : place + _PAGE.size + size])
    target.truncate(change.state.pages * size)


def _snapshots(database: Path) -> int:
    with closing(sqlite3.connect(f"{database.as_uri()}?immutable=1", uri=True)) as connection:
        return int(noted_in(connection).get("snapshots", 0))


def _prove(database: Path) -> None:
    with closing(sqlite3.connect(f"{database.as_uri()}?immutable=1", uri=True)) as connection:
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise RestoreRefused(f"the log leads to a database that SQLite finds broken: {said}")
