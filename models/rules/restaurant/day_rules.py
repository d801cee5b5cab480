"""Rules of single dates, seasons and kinds of parties: other pacing, closed areas, approval."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any

#: A yearly range of so many days is the whole year.
_YEAR = 365


@dataclass(frozen=True, slots=True)
class DatePacing:
    """Other limits for the starts of one service date from `first` to `last`, both included.

    `limits`: the names of `Pacing` that differ, with their value (None: no limit). A `last` earlier
    than `first` lies after midnight.
    """

    on_date: date
    first: time
    last: time
    limits: tuple[tuple[str, int | None], ...]

    def covers(self, wall: time) -> bool:
        """Whether these limits apply to a start of that date at that time."""
        if self.first <= self.last:
            return self.first <= wall <= self.last
        return wall >= self.first or wall <= self.last


@dataclass(frozen=True, slots=True)
class AreaClosure:
    """An area that is closed from `first` to `last`, both included, in all shifts or in one.

    `yearly`: also on those days of every later year; a range may reach over the new year.
    """

    area_key: str
    first: date
    last: date
    shift_key: str | None = None
    yearly: bool = False
    reason: str = ""

    def covers(self, day: date, shift_key: str) -> bool:
        """Whether the area is closed in that shift of that date."""
        if self.shift_key not in (None, shift_key):
            return False
        if not self.yearly or day < self.first:
            return self.first <= day <= self.last
        if (self.last - self.first).days >= _YEAR:
            return True
        begin, end = (self.first.month, self.first.day), (self.last.month, self.last.day)
        today = day.month, day.day
        return begin <= today <= end if begin <= end else today >= begin or today <= end


@dataclass(frozen=True, slots=True)
class Approval:
    """Requests that the staff approve: from that size on, in that shift, at tables of that area.

    None: in any shift, in any area.
    """

    min_party: int = 1
    shift_key: str | None = None
    area_key: str | None = None

    def covers(self, party_size: int, shift_key: str, area_keys: Collection[str]) -> bool:
        """Whether it concerns a party of that size in that shift, with tables in these areas."""
        return (
            party_size >= self.min_party
            and self.shift_key in (None, shift_key)
            and (self.area_key is None or self.area_key in area_keys)
        )


def date_pacing_from(rows: Iterable[Mapping[str, Any]]) -> tuple[DatePacing, ...]:
    """The stored rows as values."""
    return tuple(
        DatePacing(
            date.fromisoformat(row["date"]),
            time.fromisoformat(row["from"]),
            time.fromisoformat(row["until"]),
            tuple(sorted(row["limits"].items())),
        )
        for row in rows
    )


def area_closures_from(rows: Iterable[Mapping[str, Any]]) -> tuple[AreaClosure, ...]:
    """The stored rows as values."""
    return tuple(
        AreaClosure(
            row["area"],
            date.fromisoformat(row["from"]),
            date.fromisoformat(row["until"]),
            row.get("shift"),
            row.get("yearly", False),
            row.get("reason", ""),
        )
        for row in rows
    )


def approvals_from(rows: Iterable[Mapping[str, Any]]) -> tuple[Approval, ...]:
    """The stored rows as values."""
    return tuple(
        Approval(row.get("min_party", 1), row.get("shift"), row.get("area")) for row in rows
    )
