"""The shapes of the parts of a restaurant's file, each checked by itself."""

import re
from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    EmailStr,
    Field,
    StringConstraints,
)

from models.operations.floor.file_shape import FileShape, PlaceShape
from models.rules.retention import DAYS_MAX, DAYS_MIN

#: in `ClosureShape` the name `date` is a key of the file
_Date = date
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


def _slot(value: int) -> int:
    if value % QUARTER:
        raise ValueError(
            f"must be a multiple of {QUARTER}: tables are held by quarters of an hour;"
            f" write {max(QUARTER, value // QUARTER * QUARTER)} or {-(-value // QUARTER) * QUARTER}"
        )
    return value


def _known_zone(value: str) -> str:
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
_LOCALE = _matching("[a-z]{2}(-[A-Z]{2})?", "must be a locale such as en or de-AT")
_PHONE = _matching("[+][0-9][0-9 ()/.-]{4,30}", "must be a number such as +49 30 1234567")
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
Limit = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_limit)]
#: for single dates, 0 lets nobody start
DateLimit = Annotated[Annotated[int, Field(ge=0, le=PARTY_MAX)] | None, BeforeValidator(_limit)]
Buffer = Annotated[GridMinutes, Field(ge=0, le=240)]
TurnRow = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2, max_length=2)]
TurnRows = Annotated[list[TurnRow], Field(min_length=1)]
Minutes = Annotated[int, Field(ge=0, le=60 * 24 * 60)]
KeepDays = Annotated[int, Field(ge=DAYS_MIN, le=DAYS_MAX)]


class PacingShape(FileShape):
    """The most covers and parties that start in 15 minutes; "unlimited" or a number."""

    covers: Limit = 10
    parties: Limit = None
    online_covers: Limit = None


class PoliciesShape(FileShape):
    """Policies that differ from the defaults of `models.rules.restaurant.restaurant.Policies`."""

    slot_minutes: Annotated[int, AfterValidator(_slot), Field(ge=15, le=120)] | None = None
    buffer_minutes: Buffer | None = None
    lead_minutes: Minutes | None = None
    window_days: Annotated[int, Field(ge=1, le=730)] | None = None
    min_party_online: Covers | None = None
    max_party_online: Covers | None = None
    cancel_cutoff_minutes: Minutes | None = None
    same_guest_gap_minutes: Minutes | None = None
    no_show_grace_minutes: Minutes | None = None
    auto_finish_minutes: Minutes | None = None
    auto_no_show: bool | None = None
    auto_finish: bool | None = None
    waitlist: bool | None = None
    waitlist_parties: Annotated[int, Field(ge=0, le=10_000)] | None = None
    vip_first: bool | None = None
    door_list: bool | None = None
    door_online: bool | None = None
    door_parties: Annotated[int, Field(ge=0, le=1_000)] | None = None
    door_ready_minutes: Annotated[int, Field(ge=1, le=120)] | None = None
    door_opens_minutes: Annotated[int, Field(ge=0, le=24 * 60)] | None = None
    door_closes_minutes: Annotated[int, Field(ge=0, le=24 * 60)] | None = None
    reminder_minutes: list[Annotated[int, Field(ge=1, le=60 * 24 * 60)]] | None = None
    turn_times: TurnRows | None = None
    pacing: PacingShape | None = None
    keep_guests_days: KeepDays | None = None
    keep_messages_days: KeepDays | None = None
    ask_marketing: bool | None = None
    confirm_by_link: bool | None = None
    confirm_minutes: Annotated[int, Field(ge=5, le=24 * 60)] | None = None
    unproved_percent: Annotated[int, Field(ge=1, le=100)] | None = None
    sms_countries: Annotated[list[Country], Field(max_length=250)] | None = None
    no_show_limit: Annotated[int, Field(ge=1, le=100)] | None = None
    approval_minutes: Annotated[int, Field(ge=15, le=14 * 24 * 60)] | None = None


class AreaShape(FileShape):
    """A room or a terrace. `turn_times`: its own, which come before those of the shift."""

    key: Key
    name: Name
    turn_times: TurnRows | None = None


class TableShape(PlaceShape):
    """A dining table. `use`: who gets it; `online = false` is the same as `use = "in_house"`."""

    label: Annotated[Line, Field(min_length=1, max_length=32)]
    area: Key
    min_party: Covers = 1
    max_party: Covers
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    online: bool | None = None
    use: Literal["online", "in_house", "walk_in"] = "online"

    @property
    def is_online(self) -> bool:
        """Whether guests who book online may get it."""
        return self.use == "online" and self.online is not False


class CombinationShape(FileShape):
    """Tables that may be joined."""

    label: Annotated[Line, Field(min_length=1, max_length=63)]
    tables: Annotated[list[str], Field(min_length=2)]
    min_party: Covers
    max_party: Covers
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0


class ShiftShape(FileShape):
    """Lunch or dinner on weekdays, or (with `on_date`) the special hours of one date.

    Special hours replace the date's other shifts, unless they are `added` to them.
    Times earlier than `first` are after midnight.
    """

    key: Key
    name: Name
    first: Opening
    last: WallTime
    ends: WallTime
    days: Annotated[list[Weekday], Field(min_length=1)] | None = None
    on_date: date | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    turn_times: TurnRows | None = None
    pacing: PacingShape | None = None
    buffer_minutes: Buffer | None = None
    may_run_over: bool = False
    added: bool = False


class DatePacingShape(FileShape):
    """Other limits for the starts of a date from `first` to `until`; 0 lets nobody start."""

    date: _Date
    first: Annotated[Opening, Field(alias="from")]
    until: WallTime | None = None
    covers: DateLimit = None
    parties: DateLimit = None
    online_covers: DateLimit = None

    def limits(self) -> dict[str, int | None]:
        """Return the limits that it names."""
        return self.model_dump(include=self.model_fields_set & set(PacingShape.model_fields))


class ClosureShape(FileShape):
    """A closed date, or a range of closed dates; the whole day, or one shift of each day.

    `area`: only that area is closed then.
    `yearly`: the same days of every later year too.
    """

    date: _Date | None = None
    first: _Date | None = Field(default=None, alias="from")
    until: _Date | None = None
    yearly: bool = False
    shift: Key | None = None
    area: Key | None = None
    reason: Annotated[Line, Field(max_length=255)] = ""

    def dates(self) -> list[_Date]:
        """Return all its dates; none for an invalid closure, which the checks report."""
        if self.date is not None:
            return [self.date]
        if self.first is None or self.until is None:
            return []
        return [
            self.first + timedelta(days=day) for day in range((self.until - self.first).days + 1)
        ]


class ApprovalShape(FileShape):
    """Requests of guests that the staff approve: all conditions that it names must hold."""

    min_party: Covers = 1
    shift: Key | None = None
    area: Key | None = None


class RestaurantFile(FileShape):
    """A restaurant, as its file describes it."""

    slug: Key
    name: Name
    zone: Annotated[str, AfterValidator(_known_zone)]
    locale: Annotated[str, AfterValidator(_LOCALE)] = "en"
    email: EmailStr | None = None
    phone: Annotated[str, AfterValidator(_PHONE)] | None = None
    address: Annotated[Line, Field(max_length=255)] = ""
    policies: PoliciesShape = PoliciesShape()
    areas: Annotated[list[AreaShape], Field(min_length=1)]
    tables: Annotated[list[TableShape], Field(min_length=1)]
    combinations: list[CombinationShape] = []
    shifts: Annotated[list[ShiftShape], Field(min_length=1)]
    closures: list[ClosureShape] = []
    pacing: list[DatePacingShape] = []
    approval: list[ApprovalShape] = []
