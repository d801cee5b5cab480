"""Models of the list at the door, and of the waitlist of a date."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from web.schemas.answers import GuestOut, Moment, ResponseModel, StatusName
from web.schemas.fields import AreaKey, DateText, Note, PartySize, TableLabel
from web.schemas.requests import (
    GUESTS_NOTE,
    NOTIFY,
    STAFFS_NOTE,
    GuestIn,
    RequestModel,
    StaffGuestIn,
)
from web.schemas.stand import SqueezeRequest

Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Closed = Literal["no_list", "closed", "full", "staff_only", "party_too_large"]


class JoinRequest(RequestModel):
    """A guest joins the list at the door. An e-mail address or a phone number is required."""

    party_size: PartySize
    guest: GuestIn
    area: AreaKey | None = None
    note: Note = ""


class DoorRequestIn(RequestModel):
    """The staff put a party on the list."""

    party_size: PartySize
    guest: StaffGuestIn
    area: AreaKey | None = None
    note: Note = Field("", description=GUESTS_NOTE)
    staff_note: Note = Field("", description=STAFFS_NOTE)
    notify: bool = Field(True, description=f"{NOTIFY}, with the link to its place")


class ReadyRequest(SqueezeRequest):
    """The tables that are ready; empty: the best for the party that are free now."""

    tables: list[TableLabel] = Field(default_factory=list, max_length=12)
    notify: bool = Field(True, description=NOTIFY)


class PassOverRequest(RequestModel):
    """Why the party does not get the table that comes next."""

    why: Why


class DatesQuery(RequestModel):
    """Two dates, both included."""

    first: DateText
    last: DateText


class QuoteOut(ResponseModel):
    """A wait in minutes, as a range; 0 to 0: a table is free."""

    low: int
    high: int


class SizeQuoteOut(ResponseModel):
    """The wait of a party of that size that would join now. null: no table suits it for hours."""

    party_size: int
    wait: QuoteOut | None


class DoorEntryOut(ResponseModel):
    """One party on the list."""

    id: str
    reference: str
    status: StatusName
    revision: int
    place: int | None = Field(description="null: it did not come when it was called")
    party_size: int
    area: str | None
    guest: GuestOut
    note: str
    staff_note: str
    by_guest: bool = Field(description="joined by the link, not added by the staff")
    joined_at: Moment
    waited_minutes: int
    quoted: QuoteOut | None = Field(description="what it was told when it joined")
    is_quote_exceeded: bool = Field(description="waits longer than it was told")
    wait: QuoteOut | None = Field(description="the wait from now on")
    ready_at: Moment | None = Field(description="called to its table; null: not called")
    ready_until: Moment | None
    tables: list[str] = Field(description="the tables it was called to")
    missed_at: Moment | None = Field(description="did not come in time when it was called")


class AccuracyOut(ResponseModel):
    """Quotes against the truth, of the parties that were quoted and then called or seated."""

    parties: int
    within: int
    late: int = Field(description="waited longer than told")
    early: int = Field(description="waited less long than told")
    minutes_off: int | None = Field(description="median of the minutes outside the range")
    median_wait: int | None = Field(description="median of the minutes waited")


class DoorOut(ResponseModel):
    """The list at the door."""

    restaurant: str
    is_open: bool = Field(description="guests may join by the link now")
    closed_because: Closed | None
    join_url: str = Field(description="the page where guests join; it is in the QR code")
    most_parties: int
    entries: list[DoorEntryOut]
    waits: list[SizeQuoteOut]
    accuracy: AccuracyOut = Field(description="of the last 18 hours")


class WaitlistPassOut(ResponseModel):
    """One time that a party was passed over."""

    at: Moment
    actor: str
    why: str


class WaitlistEntryOut(ResponseModel):
    """A party on the waitlist of a date."""

    id: str
    reference: str
    revision: int
    place: int = Field(description="in order of arrival")
    party_size: int
    start: Moment
    area: str | None
    guest: GuestOut
    note: str
    staff_note: str
    reason: str | None = Field(description="why it had no table")
    created_at: Moment
    passed_over: list[WaitlistPassOut]


class WaitlistOut(ResponseModel):
    """The waitlist of a date, without the parties at the door."""

    date: str
    restaurant: str
    entries: list[WaitlistEntryOut]
