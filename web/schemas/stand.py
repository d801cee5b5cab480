"""Models of the requests by which the host moves a party."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from models.core.errors import sentence
from web.schemas.answers import GuestOut, Moment, ResponseModel, StatusName
from web.schemas.evening import HostText
from web.schemas.fields import (
    PARTY_MAX,
    AreaKey,
    Instant,
    Money,
    PartySizeText,
    Start,
    TableLabel,
    TurnMinutesText,
)
from web.schemas.requests import NOTIFY, WHY, RequestModel


class MoveRequest(RequestModel):
    """The status that the host acts on, so that a move is not made twice."""

    body_optional: ClassVar[bool] = True

    from_: StatusName | None = Field(
        None,
        alias="from",
        description="the status to act on; 409 if it has changed",
    )


class SqueezeRequest(MoveRequest):
    """Whether the party is squeezed in. It needs a permission and a reason."""

    squeeze: bool = Field(False, description="the party may be larger than the tables seat")
    reason: str = Field("", max_length=200, description=WHY)

    @model_validator(mode="after")
    def check_reason(self) -> Self:
        """Require a reason for what is overridden."""
        if self.squeeze and not self.reason.strip():
            raise ValueError(sentence("needs_reason", "needs a reason: {what}", what="squeeze"))
        return self


class SeatRequest(SqueezeRequest):
    """The tables at which the party is seated; empty: its assigned tables."""

    tables: list[TableLabel] = Field(default_factory=list, max_length=12)


class TakeBackRequest(MoveRequest):
    """The step to undo."""

    notify: bool = Field(
        True, description=f"of an undone cancellation whose message has gone: {NOTIFY}"
    )


class ArriveRequest(MoveRequest):
    """How many have come."""

    covers: int | None = Field(
        None, ge=1, le=PARTY_MAX, description="so many of the party are here; default: all of them"
    )


class LateRequest(MoveRequest):
    """When the party comes."""

    body_optional: ClassVar[bool] = False

    until: Instant | None = Field(
        description="after its start, within its turn; null: it comes in time after all"
    )


class SpendRequest(MoveRequest):
    """What the party spent."""

    body_optional: ClassVar[bool] = False

    amount: Money | None = Field(
        description="in the restaurant's currency; null: it is not known after all"
    )


class ApproveRequest(MoveRequest):
    """The request that the host approves."""

    notify: bool = Field(True, description=NOTIFY)


class DeclineRequest(ApproveRequest):
    """The request that the host declines."""

    message: HostText = Field("", description="the host's own words, in the guest's message")


class RequestOut(ResponseModel):
    """A request that holds its tables and waits for approval."""

    id: str
    reference: str
    status: StatusName
    revision: int
    party_size: int
    start: Moment
    end: Moment
    area: str | None
    tables: list[str]
    guest: GuestOut
    note: str
    staff_note: str
    created_at: Moment
    approve_by: Moment = Field(description="the guest must have the answer by then")


class RequestsOut(ResponseModel):
    """The requests that wait for approval."""

    restaurant: str
    requests: list[RequestOut]


class ProposalsQuery(RequestModel):
    """The party for which tables are proposed."""

    party_size: PartySizeText
    start: Start
    area: AreaKey | None = None
    turn_minutes: TurnMinutesText | None = None


class ProposalOut(ResponseModel):
    """Tables that are free for the party's whole turn."""

    tables: list[str]
    areas: list[str]
    seats: int
    joined_by_hand: bool = Field(description="no combination of the restaurant's file joins them")


class ProposalsOut(ResponseModel):
    """Free tables for a party, the best first."""

    proposals: list[ProposalOut]


class LinkRequest(RequestModel):
    """How to resend the link."""

    body_optional: ClassVar[bool] = True

    renew: bool = False
