"""The types of a restaurant file's values, each with its own check."""

import re
from collections.abc import Callable
from datetime import time
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
)

from models.rules.retention import DAYS_MAX, DAYS_MIN

QUARTER: Final = 15
PARTY_MAX: Final = 999
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNLIMITED: Final = "unlimited"


def _on_the_grid(value: int) -> int:
    if value % QUARTER:
        raise ValueError(f"must be a multiple of {QUARTER}")
    return value


def _wall_time(value: Any) -> Any:
    if value == "24:00":
        return time()
    if isinstance(value, str):
        try:
            value = time.fromisoformat(value)
        except ValueError as wrong:
            raise ValueError('must be a time such as "18:30"') from wrong
    if not isinstance(value, time) or value.tzinfo is not None:
        raise ValueError('must be a time such as "18:30"')
    if value.minute % QUARTER or value.second or value.microsecond:
        raise ValueError("must be on a quarter of an hour")
    return value


def _opening(value: Any) -> Any:
    if value == "24:00":
        raise ValueError('is the next day\'s midnight: write "00:00", for the day that begins then')
    return _wall_time(value)


def slot(value: int) -> int:
    """Return the minutes between two starts. Raises ValueError off the grid."""
    if value % QUARTER:
        raise ValueError(
            f"must be a multiple of {QUARTER}: tables are held by quarters of an hour;"
            f" write {max(QUARTER, value // QUARTER * QUARTER)} or {-(-value // QUARTER) * QUARTER}"
        )
    return value


def known_zone(value: str) -> str:
    """Return the time zone. Raises ValueError for an unknown one."""
    if value not in available_timezones():
        raise ValueError("is not a zone of the IANA database, such as Europe/Berlin")
    return value


def _limit(value: Any) -> Any:
    return None if value == UNLIMITED else value


def _weekday(value: Any) -> Any:
    if value not in DAYS:
        raise ValueError(
            f"must be one of {', '.join(DAYS)}; for some weeks only, such as each third"
            " Thursday, write one [[shifts]] with on_date per date"
        )
    return value


def _matching(pattern: str, message: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(message)
        return value

    return check


def _no_control(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must not contain control characters")
    return value


_KEY = _matching("[a-z0-9]+(-[a-z0-9]+)*", "must be lower-case letters, digits and hyphens")
LOCALE = _matching("[a-z]{2}(-[A-Z]{2})?", "must be a locale such as en or de-AT")
PHONE = _matching("[+][0-9][0-9 ()/.-]{4,30}", "must be a number such as +49 30 1234567")
_COUNTRY = _matching("[A-Z]{2}", "must be a country such as DE")
Country = Annotated[str, AfterValidator(_COUNTRY)]
Key = Annotated[str, Field(max_length=63), AfterValidator(_KEY)]
Line = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_no_control)]
Name = Annotated[Line, Field(min_length=1, max_length=120)]
Covers = Annotated[int, Field(ge=1, le=PARTY_MAX)]
GridMinutes = Annotated[int, AfterValidator(_on_the_grid)]
WallTime = Annotated[time, BeforeValidator(_wall_time)]
Opening = Annotated[time, BeforeValidator(_opening)]
Weekday = Annotated[str, BeforeValidator(_weekday)]
#: the most covers in a restaurant
MostCovers = Annotated[int, Field(ge=1, le=10_000)]
Limit = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_limit)]
#: for single dates, 0 lets nobody start
DateLimit = Annotated[Annotated[int, Field(ge=0, le=PARTY_MAX)] | None, BeforeValidator(_limit)]
Buffer = Annotated[GridMinutes, Field(ge=0, le=240)]
TurnRow = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2, max_length=2)]
TurnRows = Annotated[list[TurnRow], Field(min_length=1)]
Minutes = Annotated[int, Field(ge=0, le=60 * 24 * 60)]
KeepDays = Annotated[int, Field(ge=DAYS_MIN, le=DAYS_MAX)]
