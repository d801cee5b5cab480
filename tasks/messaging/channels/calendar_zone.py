"""A time zone as iCalendar describes it: each change of the clock by itself, which all read alike.

The library's own text gives the change in spring by the clock that follows it, and the changes of
later years in one list: some programs are an hour off on that day, some from the next year on.
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
    """The VTIMEZONE of `zone` for starts in `year`: the year before it, itself, the year after."""
    first, last = datetime(year - 1, 1, 1, tzinfo=UTC), datetime(year + 2, 1, 1, tzinfo=UTC)
    where = ZoneInfo(zone)
    lines = ["BEGIN:VTIMEZONE", f"TZID:{zone}", *_observance(first, first, where)]
    for change in _changes(where, first, last):
        lines += _observance(change, change - _SECOND, where)
    return "".join(f"{line}\r\n" for line in [*lines, "END:VTIMEZONE"]).encode()


def _changes(where: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """The instants at which the offset becomes another."""
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
    # by the clock that was valid until then (RFC 5545, 3.6.5)
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
