"""Models of a day's book, and of a booking by the staff."""

from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from models.core.errors import Invalid, sentence
from models.rules.reservations.requests import GuestDetails, TableRequest
from models.rules.restaurant.features import Wants
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from web.schemas.answers import ChangeOut, DetailsOut, GuestOut, Moment, ResponseModel, StatusName
from web.schemas.fields import (
    BOOKED,
    AreaKey,
    Features,
    Note,
    PartySize,
    Start,
    TableLabel,
    TurnMinutes,
)
from web.schemas.requests import (
    DEFAULT_LOCALE,
    GUESTS_NOTE,
    NEEDS,
    NOTIFY,
    STAFFS_NOTE,
    WHY,
    WISHES,
    ConsentIn,
    DetailsIn,
    RequestModel,
    StaffGuestIn,
    guest_details,
)


class BookMessageOut(ResponseModel):
    """One message on one channel, and its state."""

    kind: str
    channel: str
    state: str
    due_at: Moment
    sent_at: Moment | None
    error: str | None


class BookReservationOut(ResponseModel):
    """One line of the book."""

    id: str
    reference: str
    status: StatusName
    revision: int
    shift: str
    party_size: int
    start: Moment
    end: Moment
    area: str | None
    tables: list[str]
    tables_locked: bool = Field(description="nobody moves it until it is unlocked")
    guest: GuestOut
    needs: list[str] = Field(description="features that its tables must have")
    wishes: list[str] = Field(description="features that its tables should have")
    note: str = Field(description="the guest's note")
    staff_note: str = Field(description="the staff's internal note; no guest is shown it")
    details: DetailsOut
    expected_at: Moment | None = Field(description="the party runs late, and comes by then")
    arrived_covers: int | None = Field(description="so many are here; null: all of them, or none")
    source: str
    pacing_forced: bool
    reason: str | None
    is_late: bool = Field(description="expected by now, not arrived yet")
    overstays_minutes: int = Field(description="minutes by which the party has exceeded its turn")
    warnings: list[Literal["not_here", "overstays", "table_occupied", "turn_too_close"]] = Field(
        description="not_here: the grace period is over, the party has not arrived. overstays: the "
        "turn is over, the table is not free. table_occupied: another party still sits at it. "
        "turn_too_close: the party before sat down so late that it is likely to sit there still"
    )
    approve_by: Moment | None = Field(
        description="of a request that holds its tables: the staff have to approve it by then"
    )
    created_at: Moment
    arrived_at: Moment | None
    seated_at: Moment | None
    finished_at: Moment | None
    messages: list[BookMessageOut]
    change: ChangeOut | None = Field(description="the pending change request")


class SeatingOut(ResponseModel):
    """A reservation's use of a table, from start to end."""

    reservation_id: str
    reference: str
    status: StatusName
    party_size: int
    start: Moment
    end: Moment


class TableBlockOut(ResponseModel):
    """A time for which a table is blocked: nobody is given it."""

    block_id: str
    start: Moment
    end: Moment
    reason: str


class BookTableOut(ResponseModel):
    """A table, its seatings of the day, and its blocks."""

    label: str
    area: str | None
    min_party: int
    max_party: int
    seatings: list[SeatingOut]
    blocks: list[TableBlockOut]


class PacingOut(ResponseModel):
    """Maximum of covers and parties that start in an interval; null: no limit."""

    covers: int | None
    parties: int | None
    online_covers: int | None


class IntervalOut(ResponseModel):
    """Covers and parties that start in one 15-minute interval, in all and online."""

    start: Moment
    covers: int
    parties: int
    online_covers: int
    pacing: PacingOut = Field(description="its limits, which may differ from the shift's")


class BookShiftOut(ResponseModel):
    """One shift of the day."""

    key: str
    name: str
    is_open: bool
    revision: int
    covers: int
    parties: int
    waitlisted: int
    pacing: PacingOut
    intervals: list[IntervalOut]


class BookOut(ResponseModel):
    """A day of the restaurant's book."""

    date: str
    restaurant: str
    zone: str
    revision: int
    shifts: list[BookShiftOut]
    tables: list[BookTableOut]
    reservations: list[BookReservationOut]


class StaffReservationRequest(RequestModel):
    """A booking by staff, decided immediately."""

    model_config = ConfigDict(json_schema_extra={"examples": [BOOKED]})

    party_size: PartySize
    start: Start | None = Field(None, description="default for a walk-in: this quarter-hour")
    guest: StaffGuestIn | None = Field(None, description="optional for a walk-in")
    area: AreaKey | None = None
    needs: Features = Field((), description=NEEDS)
    wishes: Features = Field((), description=WISHES)
    note: Note = Field("", description=GUESTS_NOTE)
    staff_note: Note = Field("", description=STAFFS_NOTE)
    details: DetailsIn | None = None
    tables: list[TableLabel] = Field(
        default_factory=list, max_length=12, description="labels; empty: chosen automatically"
    )
    notify: bool = Field(True, description=NOTIFY)
    force_pacing: bool = Field(
        False, description="exceed the pacing limit; needs a permission and a reason"
    )
    squeeze: bool = Field(
        False,
        description="the party may be larger than `tables` seat; needs a permission and a reason",
    )
    reason: str = Field("", max_length=200, description=WHY)
    whole_area: bool = Field(
        False,
        description="the party takes all tables of `area`, for its turn: nobody else is there",
    )
    turn_minutes: TurnMinutes | None = Field(
        None, description="how long it keeps its tables; default: as the rules say"
    )
    walk_in: bool = Field(
        False,
        description="walk-in; seated immediately. Without `start` it is seated now: pacing and "
        "hours do not forbid it, `warnings` says what is exceeded",
    )
    marketing: ConsentIn | None = Field(
        None, description="the guest's answer; omit it if the guest was not asked"
    )

    @model_validator(mode="after")
    def check_reason(self) -> Self:
        """Require a reason for what is overridden. The pacing does not bind a walk-in."""
        overbooks = self.force_pacing and not (self.walk_in and self.start is None)
        if (overbooks or self.squeeze) and not self.reason.strip():
            raise ValueError(
                sentence("needs_reason", "needs a reason: {what}", what="force_pacing, squeeze")
            )
        return self

    @model_validator(mode="after")
    def check_area(self) -> Self:
        """Require the area that the party takes whole."""
        if self.whole_area and (self.area is None or self.tables):
            raise ValueError("whole_area needs an area, and no tables")
        return self

    def table_request(
        self, restaurant: RestaurantSpec, *, now: datetime, actor: str
    ) -> TableRequest:
        """Return it as a value of the rules. Raises Invalid without a start or for a bad phone."""
        for name in ("start", "guest"):
            if getattr(self, name) is None and not self.walk_in:
                raise Invalid.field(name, "is required")
        return TableRequest(
            party_size=self.party_size,
            starts_at=self.start or _this_quarter(now),
            guest=guest_details(self.guest, restaurant) if self.guest else _nobody(restaurant),
            area_key=self.area,
            note=self.note,
            staff_note=self.staff_note,
            waitlist=False,
            turn_minutes=self.turn_minutes,
            wants=Wants(self.needs, self.wishes),
            marketing=self.marketing.consent("staff", actor=actor) if self.marketing else None,
        )


def _nobody(restaurant: RestaurantSpec) -> GuestDetails:
    return GuestDetails(name="", locale=restaurant.locale or DEFAULT_LOCALE)


def _this_quarter(now: datetime) -> datetime:
    seconds = int(now.timestamp()) // QUARTER_SECONDS * QUARTER_SECONDS
    return datetime.fromtimestamp(seconds, UTC)
