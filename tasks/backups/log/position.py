"""Positions in a database's log, and the text form of times."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LogPosition:
    """A backup's position in the log: what follows it is not in the backup."""

    origin: str
    file: str
    offset: int

    @property
    def number(self) -> int:
        """The number at the end of the file's name."""
        return number_of(self.file)


def number_of(file: str) -> int:
    """Return the number of a binary log file, from its name. Raises ValueError."""
    return int(file.rpartition(".")[2])


def as_text(moment: datetime) -> str:
    """Return a time in the form of the command line: `2026-11-20T19:42:10Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
