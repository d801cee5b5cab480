"""A place in the log of a database, and how its times are written."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where a backup stands in the log: what is after it is not in the backup."""

    origin: str
    file: str
    offset: int

    @property
    def number(self) -> int:
        """The number at the end of the file's name."""
        return number_of(self.file)


def number_of(file: str) -> int:
    """The number of a binary log file, from its name. Raises ValueError."""
    return int(file.rpartition(".")[2])


def as_text(moment: datetime) -> str:
    """A time as people type it: `2026-11-20T19:42:10Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
