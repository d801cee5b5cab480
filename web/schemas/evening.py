"""Models of a host's acts on an evening: blocks, and the evening's history."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from models.core.errors import sentence
from models.rules.evening.acts import Act
from models.rules.evening.limits import Limited
from web.schemas.answers import Moment, ResponseModel, StatusName
from web.schemas.fields import AreaKey, DateText, Instant, Name, Start, TableLabel, one_line
from web.schemas.requests import NOTIFY, RequestModel

ActReason = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(one_line)]
ReservationId = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,17}$")]
PREVIEW = "true: nothing is changed; the answer says what would be"


class BlockRequest(RequestModel):
    """The tables to block, or an area; from when, until when, and why."""

    tables: list[TableLabel] = Field(default_factory=list, max_length=200)
    area: AreaKey | None = Field(None, description="all its tables")
    from_: Instant | None = Field(None, alias="from", description="absent: from now on")
    until: Instant | None = Field(
        None, description="absent: until the last party of that day must have left"
    )
    reason: ActReason
    parties: Literal["refuse", "move"] = Field(
        "refuse",
        description="refuse: 409 while parties have these tables. move: those that fit elsewhere "
        "are re-seated; the others keep their tables and are listed",
    )
    preview: bool = Field(False, description=PREVIEW)

    @model_validator(mode="after")
    def check_place(self) -> Self:
        """Require tables or an area, not both."""
        if bool(self.tables) == (self.area is not None):
            raise ValueError(sentence("tables_or_area", "name tables, or an area"))
        return self


class DayQuery(RequestModel):
    """A day."""

    date: DateText


class SettledPartyOut(ResponseModel):
    """A party that had a blocked table."""

    reservation_id: str
    status: StatusName
    party_size: int
    start: Moment
    tables: list[str] = Field(description="before")
    moved_to: list[str] = Field(description="empty: it keeps its tables")
    left_area: bool = Field(
        description="the guest had asked for an area and is now in another: tell the guest"
    )


class BlockOut(ResponseModel):
    """A block. `start` and `end` are on quarters of an hour."""

    id: str
    tables: list[str]
    start: Moment
    end: Moment
    reason: str
    made_at: Moment
    made_by: str
    lifted_at: Moment | None
    lifted_by: str | None


class BlockMadeOut(BlockOut):
    """A block that was just made, and the parties concerned: moved, or kept where they are."""

    parties: list[SettledPartyOut]


class BlocksOut(ResponseModel):
    """The blocks in force on a day."""

    blocks: list[BlockOut]


class EveningActOut(ResponseModel):
    """One act: who, when, what."""

    at: Moment
    actor: str = Field(description="staff:<account id>")
    name: str | None = Field(description="the account's name or e-mail address")
    act: Act
    detail: dict[str, Any]


class EveningActsOut(ResponseModel):
    """The acts of a day that are not about one reservation, the oldest first."""

    acts: list[EveningActOut]


HostText = Annotated[str, Field(max_length=300), AfterValidator(one_line)]


class StopRequest(RequestModel):
    """The books, and from which start on online booking is stopped or limited."""

    date: DateText
    shift: AreaKey | None = Field(None, description="a shift's key; absent: all of that day")
    from_: Start | None = Field(None, alias="from", description="absent: all starts of the book")
    covers: int = Field(
        0, ge=0, le=1000, description="so many may start online in each interval; 0: none"
    )
    reason: Annotated[str, Field(max_length=120), AfterValidator(one_line)] = ""


class ReopenRequest(RequestModel):
    """The books to reopen."""

    date: DateText
    shift: AreaKey | None = Field(None, description="a shift's key; absent: all of that day")


class CloseRequest(RequestModel):
    """The books to close, and what becomes of the parties to come."""

    date: DateText
    shift: AreaKey | None = Field(None, description="a shift's key; absent: all of that day")
    from_: Start | None = Field(None, alias="from", description="absent: all starts of the book")
    reason: ActReason
    parties: Literal["keep", "cancel", "move", "move_or_cancel"] = Field(
        "keep",
        description="keep: they keep their reservation and are listed. cancel: parties to come and "
        "on the waitlist are cancelled. move: parties to come get the nearest start of that day "
        "that is free; the others are listed. move_or_cancel: the others are cancelled",
    )
    within_minutes: int = Field(
        120, ge=15, le=1440, description="no party is moved further from its start"
    )
    message: HostText = Field("", description="the host's own words, in the guest's message")
    notify: bool = Field(True, description=NOTIFY)
    preview: bool = Field(False, description=PREVIEW)


class CancelManyRequest(RequestModel):
    """The reservations to cancel as one act."""

    reservations: list[ReservationId] = Field(min_length=1, max_length=300)
    message: HostText = Field("", description="the host's own words, in the cancellation's message")
    notify: bool = Field(True, description=NOTIFY)
    preview: bool = Field(False, description=PREVIEW)


class BookLimitOut(ResponseModel):
    """A limit of a book: online booking stopped or limited, or the book closed."""

    shift: str
    kind: Limited
    start: Moment = Field(description="the first start that it concerns")
    covers: int = Field(description="online: so many may start in an interval")
    reason: str
    made_at: Moment
    made_by: str


class BookLimitsOut(ResponseModel):
    """The limits of a day's books."""

    limits: list[BookLimitOut]


class HurtPartyOut(ResponseModel):
    """A party that a closing or a cancellation concerns. `status` is the one before."""

    reservation_id: str
    status: StatusName
    party_size: int
    start: Moment
    is_cancelled: bool
    moved_to: Moment | None = Field(description="its new start")
    notified_by: list[str] = Field(description="the channels on which the guest is notified")


class HurtOut(ResponseModel):
    """Whom the act concerns, by their start."""

    parties: list[HurtPartyOut]


class ClosedOut(BookLimitsOut):
    """The limits of the day's books, and the parties that the closing concerns."""

    parties: list[HurtPartyOut]


class SectionsQuery(RequestModel):
    """A shift on a date."""

    date: DateText
    shift: AreaKey


class SectionIn(RequestModel):
    """A server, and the tables of the section."""

    server: Name
    tables: list[TableLabel] = Field(default_factory=list, max_length=200)


class SectionsRequest(RequestModel):
    """The sections of a shift. Without any tables all are divided, with the covers balanced."""

    date: DateText
    shift: AreaKey
    sections: list[SectionIn] = Field(max_length=40)
    preview: bool = Field(False, description=PREVIEW)


class SectionOut(ResponseModel):
    """A server's tables and covers. A party at joined tables counts where its first table is."""

    server: str
    tables: list[str]
    covers_seated: int
    covers_to_come: int


class SectionsOut(ResponseModel):
    """The sections of a shift. `next`: the server with the fewest covers."""

    shift: str
    sections: list[SectionOut]
    next: str | None
