"""The list of erasures: a file beside the database, for use after restoring an older backup.

A line is written before the commit: a surplus line does nothing, a missing one would bring a guest
back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy.orm import Session

from models.core.append_files import append_line
from models.core.database.transactions import before_commit
from models.core.settings import settings
from models.entities.privacy import Erasure

_BEGINS: Final = b'{"restaurant"'


@dataclass(frozen=True, slots=True)
class ErasureLine:
    """The erasure of one guest: the contact's keyed hash, and the references erased.

    The references find a reservation that had another contact when the backup was made.
    """

    restaurant_id: int
    contact: bytes
    at: datetime
    actor: str
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RetentionLine:
    """All guests of a restaurant's books before a date were forgotten by the retention rule."""

    restaurant_id: int
    before: date
    at: datetime


def write_down(session: Session, line: ErasureLine) -> None:
    """Store the line in the database, and append it to the file last before the commit."""
    session.add(
        Erasure(
            restaurant_id=line.restaurant_id, contact=line.contact, at=line.at, actor=line.actor
        )
    )
    before_commit(session, lambda: append(line))


def append(line: ErasureLine | RetentionLine) -> None:
    """Append the line to the file; it is on the disk when this returns.

    Raises OSError if it is not; then nobody may be told that a guest was erased.
    """
    append_line(settings().erasures_file, orjson.dumps(_values(line)))


@dataclass(frozen=True, slots=True)
class Erasures:
    """The contents of a file of erasures, and the numbers of unreadable lines (from 1)."""

    lines: tuple[ErasureLine | RetentionLine, ...]
    torn: tuple[int, ...]


def read_erasures(file: Path) -> Erasures:
    """Read an erasures file. Unreadable lines are reported by number, and skipped.

    A truncated last line is an erasure that was never committed: it is left out and not reported.
    """
    *whole, cut = file.read_bytes().split(b"\n")
    found: list[ErasureLine | RetentionLine] = []
    torn = []
    for number, line in enumerate(whole, start=1):
        if (read := _read(line)) is None:
            torn.append(number)
            # Two lines appended at the same time on a file system without locks: the later may be
            # whole.
            read = _read(line[line.rfind(_BEGINS) :])
        if read is not None:
            found.append(read)
    if (last := _read(cut)) is not None:
        found.append(last)
    return Erasures(tuple(found), tuple(torn))


def _read(line: bytes) -> ErasureLine | RetentionLine | None:
    try:
        return _line(orjson.loads(line))
    except (ValueError, KeyError, TypeError):
        return None


def _values(line: ErasureLine | RetentionLine) -> dict[str, Any]:
    common = {"restaurant": line.restaurant_id, "at": line.at.isoformat()}
    if isinstance(line, RetentionLine):
        return common | {"books_before": line.before.isoformat()}
    return common | {
        "contact": line.contact.hex(),
        "by": line.actor,
        "references": list(line.references),
    }


def _line(values: Mapping[str, Any]) -> ErasureLine | RetentionLine:
    restaurant, at = int(values["restaurant"]), datetime.fromisoformat(values["at"])
    if "books_before" in values:
        return RetentionLine(restaurant, date.fromisoformat(values["books_before"]), at)
    contact, references = bytes.fromhex(values["contact"]), values.get("references", ())
    return ErasureLine(restaurant, contact, at, str(values["by"]), tuple(map(str, references)))
