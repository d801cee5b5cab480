"""VTIMEZONE components with one observance per clock change, which all programs read alike.

The icalendar library writes the spring change in the local time after it, and the changes of later
years as one list: some programs are then an hour off on that day, some from the next year on.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_STEP: Final = timedelta(hours=6)
_SECOND: Final = timedelta(seconds=1)


@lru_cache(maxsize=512)
def zone_text(zone: str, year: int) -> bytes:
    """Return the VTIMEZONE of `zone` for starts in `year`; covers the years before and after."""
    first, last = datetime(year - 1, 1, 1, tzinfo=UTC), datetime(year + 2, 1, 1, tzinfo=UTC)
    where = ZoneInfo(zone)
    lines = ["BEGIN:VTIMEZONE", f"TZID:{zone}", *_observance(first, first, where)]
    for change in _changes(where, first, last):
        lines += _observance(change, change - _SECOND, where)
    return "".join(f"{line}\r\n" for line in [*lines, "END:VTIMEZONE"]).encode()


def _changes(where: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """Yield the instants at which the UTC offset changes, to the second."""
    here = first
    while here < last:
        if _offset(here + _STEP, where) != _offset(here, where):
            low, high = here, here + _STEP
            while high - low > _SECOND:
                middle = low + (high - low) // 2
                is_before = _offset(middle, where) == _offset(here, where)
                low, high = (middle, high) if is_before else (low, middle)
            yield high.replace(microsecond=0)
        here += _STEP


def _observance(since: datetime, before: datetime, where: ZoneInfo) -> list[str]:
    local = since.astimezone(where)
    old, new = _offset(before, where), _offset(since, where)
    kind = "DAYLIGHT" if local.dst() else "STANDARD"
    # in the local time before the change (RFC 5545, 3.6.5)
    begins = since.replace(tzinfo=None) + old
    return [
        f"BEGIN:{kind}",
        f"DTSTART:{begins:%Y%m%dT%H%M%S}",
        f"TZOFFSETFROM:{_written(old)}",
        f"TZOFFSETTO:{_written(new)}",
        f"TZNAME:{local.tzname()}",
        f"END:{kind}",
    ]


def _offset(moment: datetime, where: ZoneInfo) -> timedelta:
    return moment.astimezone(where).utcoffset() or timedelta()


def _written(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}{rest:02}"
