"""The list of erasures: a file beside the database, for whoever restores an older one.

A line is written before the commit: one too many does nothing, one too few brings a guest back.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.orm import Session

from models.core.db import before_commit
from models.core.errors import Invalid
from models.core.settings import settings
from models.entities.privacy import Erasure


@dataclass(frozen=True, slots=True)
class ErasureLine:
    """One guest was erased: by keyed hash, and the references of what was erased then.

    The references find a reservation whose contact was another when the backup was made.
    """

    restaurant_id: int
    contact: bytes
    at: datetime
    actor: str
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RetentionLine:
    """All guests of a restaurant's books before a date were forgotten by rule."""

    restaurant_id: int
    before: date
    at: datetime


def write_down(session: Session, line: ErasureLine) -> None:
    """Keep it in the database, and append it to the file as the last thing before the commit."""
    session.add(
        Erasure(
            restaurant_id=line.restaurant_id, contact=line.contact, at=line.at, actor=line.actor
        )
    )
    before_commit(session, lambda: append(line))


def append(line: ErasureLine | RetentionLine) -> None:
    """Append it to the file; it is on the disk when this returns."""
    file = settings().erasures_file
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        # in one piece: other processes append too
        os.write(descriptor, orjson.dumps(_values(line)) + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_erasures(file: Path) -> list[ErasureLine | RetentionLine]:
    """The lines of an erasures file. Raises Invalid naming the line that cannot be read.

    A last line that was cut short is an erasure that was never committed: left out.
    """
    lines = file.read_bytes().split(b"\n")
    found = []
    for number, line in enumerate(lines[:-1], start=1):
        try:
            found.append(_line(orjson.loads(line)))
        except (ValueError, KeyError, TypeError) as unreadable:
            raise Invalid.field("file", f"line {number} cannot be read") from unreadable
    return found


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
