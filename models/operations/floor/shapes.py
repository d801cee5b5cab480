"""The shapes of the parts of a restaurant's file, each checked by itself."""

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, EmailStr, Field

from models.operations.floor.fields import (
    LOCALE,
    PHONE,
    Buffer,
    Country,
    Covers,
    DateLimit,
    KeepDays,
    Key,
    Limit,
    Line,
    Minutes,
    MostCovers,
    Name,
    Opening,
    TurnRows,
    WallTime,
    Weekday,
    known_zone,
    slot,
)
from models.operations.floor.file_shape import FileShape, PlaceShape

#: in `ClosureShape` the name `date` is a key of the file
_Date = date


class PacingShape(FileShape):
    """The most covers and parties that start in 15 minutes; "unlimited" or a number."""

    covers: Limit = 10
    parties: Limit = None
    online_covers: Limit = None


class PoliciesShape(FileShape):
    """Policies that differ from the defaults of `models.rules.restaurant.restaurant.Policies`."""

    slot_minutes: Annotated[int, AfterValidator(slot), Field(ge=15, le=120)] | None = None
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
    features: Annotated[list[Key], Field(min_length=1, max_length=20)] | None = None

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
    covers: MostCovers | None = None


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


class FeatureShape(FileShape):
    """Something that some tables offer."""

    key: Key
    name: Name


class ApprovalShape(FileShape):
    """Requests of guests that the staff approve: all conditions that it names must hold."""

    min_party: Covers = 1
    shift: Key | None = None
    area: Key | None = None


class RestaurantFile(FileShape):
    """A restaurant, as its file describes it."""

    slug: Key
    name: Name
    zone: Annotated[str, AfterValidator(known_zone)]
    locale: Annotated[str, AfterValidator(LOCALE)] = "en"
    email: EmailStr | None = None
    phone: Annotated[str, AfterValidator(PHONE)] | None = None
    address: Annotated[Line, Field(max_length=255)] = ""
    policies: PoliciesShape = PoliciesShape()
    #: covers: there are no tables to seat, and so many `covers` may be in the restaurant at once
    capacity: Literal["tables", "covers"] = "tables"
    covers: MostCovers | None = None
    areas: Annotated[list[AreaShape], Field(min_length=1)] = []
    tables: Annotated[list[TableShape], Field(min_length=1)] = []
    combinations: list[CombinationShape] = []
    shifts: Annotated[list[ShiftShape], Field(min_length=1)]
    closures: list[ClosureShape] = []
    pacing: list[DatePacingShape] = []
    approval: list[ApprovalShape] = []
    features: list[FeatureShape] = []
