"""Models of the guest book: search, a guest's record, and what the staff write on it."""

from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from models.core.errors import sentence
from web.schemas.answers import Moment, ResponseModel, StatusName
from web.schemas.fields import Note, one_line
from web.schemas.guests import ConsentOut
from web.schemas.requests import NotNull, RequestModel

SEARCH_MAX: Final = 254
GuestId = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,17}$")]
Tag = Annotated[str, Field(min_length=1, max_length=32), AfterValidator(one_line)]
Line = Annotated[str, Field(max_length=120), AfterValidator(one_line)]
ShortText = Annotated[str, Field(max_length=300), AfterValidator(one_line)]


class GuestSearch(RequestModel):
    """What to look for. It is sent in the body, so that no URL log contains it."""

    text: Annotated[str, Field(min_length=1, max_length=SEARCH_MAX)] = Field(
        description="the beginning of one or more names; at least the last four digits of a phone "
        "number; or a whole e-mail address"
    )


class GuestRecordPatch(RequestModel):
    """Changes to a guest's record. Absent fields stay as they are."""

    name: Annotated[Line | None, NotNull()] = Field(
        None, description="as the staff know the guest; empty: as on the last reservation"
    )
    allergies: Annotated[Note | None, NotNull()] = None
    tags: Annotated[list[Tag] | None, NotNull()] = None
    vip: Annotated[bool | None, NotNull()] = None

    @model_validator(mode="after")
    def check_something(self) -> Self:
        """Refuse a patch without any change."""
        if not self.model_fields_set:
            raise ValueError(sentence("changes_nothing", "changes nothing"))
        return self


class GuestNoteIn(RequestModel):
    """A note about a guest."""

    text: Annotated[Note, Field(min_length=1)]


class OtherGuest(RequestModel):
    """The other record of the same guest."""

    guest: GuestId


class GuestBlock(RequestModel):
    """Why the guest may not book online; for the staff only."""

    body_optional: ClassVar[bool] = True

    reason: ShortText = ""


class GuestHitOut(ResponseModel):
    """A guest as a search lists it; the contacts are masked."""

    id: str
    name: str
    email: str | None = Field(description="masked: a...@example.com")
    phone: str | None = Field(description="masked: the last four digits")
    vip: bool
    blocked: bool
    tags: list[str]
    allergies: str
    visits: int
    no_shows: int
    upcoming: int
    last_visit: Moment | None
    next_visit: Moment | None


class GuestHitsOut(ResponseModel):
    """Guests found: those who are expected first, then by the last visit."""

    guests: list[GuestHitOut]
    more: bool = Field(description="true: there are others; a longer text finds them")


class GuestContactOut(ResponseModel):
    """A contact of the guest."""

    channel: str = Field(description="email or sms")
    contact: str
    confirmed: bool = Field(description="the guest opened its link, or the staff recorded it")


class GuestNoteOut(ResponseModel):
    """A note of the staff."""

    id: str
    at: Moment
    actor: str
    author: str | None = Field(description="the account's name; null: it does not exist any more")
    text: str | None = Field(description="null: it cannot be decrypted")


class GuestEventOut(ResponseModel):
    """A line of the record's history."""

    at: Moment
    actor: str
    author: str | None
    action: str
    guest: str = Field(description="the record that it was done to; another one if it was merged")
    detail: dict[str, Any]


class GuestVisitOut(ResponseModel):
    """One reservation of the guest."""

    id: str
    reference: str
    status: StatusName
    party_size: int
    spend: str | None
    date: str | None = Field(description="of the book that the reservation is in")
    start: Moment
    source: str


class GuestRecordOut(ResponseModel):
    """A guest's record. `id` is that of the record into which the asked one was merged."""

    id: str
    revision: int
    name: str
    names: list[str]
    contacts: list[GuestContactOut]
    vip: bool
    tags: list[str]
    allergies: str
    blocked_at: Moment | None
    block_reason: str
    limit_lifted_at: Moment | None = Field(description="no-shows before do not count")
    online_refused: Literal["blocked", "no_shows"] | None = Field(
        description="why the guest cannot book online; null: the guest can"
    )
    visits: int
    no_shows: int
    cancelled: int
    upcoming: int
    last_visit: Moment | None
    next_visit: Moment | None
    spend: str | None = Field(description="of all visits of which it is known; null: of none")
    spend_average: str | None = Field(description="of these visits, each")
    notes: list[GuestNoteOut]
    reservations: list[GuestVisitOut] = Field(description="the newest 50")
    consents: list[ConsentOut]
    merged: list[str] = Field(description="records merged into this one")
    alike: list[str] = Field(
        description="records that share a reservation with this one: perhaps the same guest"
    )
    history: list[GuestEventOut]
