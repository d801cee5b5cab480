"""Models of the host's acts on tables, and of a reservation's history."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from models.core.errors import sentence
from web.schemas.answers import Moment, PartyInTheWayOut, ReservationOut, ResponseModel, StatusName
from web.schemas.fields import Start, TableLabel
from web.schemas.requests import WHY, NotNull
from web.schemas.stand import MoveRequest

_REASON = Field("", max_length=200, description=WHY)
_PREVIEW = Field(False, description="change nothing: answer what it would do")


class ForcedRequest(MoveRequest):
    """What the host overrides. `squeeze` and `overlap` need a permission and a reason."""

    squeeze: bool = Field(False, description="the party may be larger than the tables seat")
    overlap: bool = Field(
        False,
        description="cut the turn of a party that has the tables before, instead of moving it",
    )
    reason: str = _REASON
    preview: bool = _PREVIEW

    @model_validator(mode="after")
    def check_reason(self) -> Self:
        """Require a reason for what is overridden."""
        if (self.squeeze or self.overlap) and not self.reason.strip():
            raise ValueError(
                sentence("needs_reason", "needs a reason: {what}", what="squeeze, overlap")
            )
        return self


class AssignRequest(ForcedRequest):
    """The tables that the party gets."""

    body_optional = False

    tables: list[TableLabel] = Field(min_length=1, max_length=12)
    lock: bool = Field(False, description="lock the party to these tables as well")


class SwapRequest(ForcedRequest):
    """The party to exchange tables with."""

    body_optional = False

    with_: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,17}$")] = Field(
        alias="with", description="the id of the other reservation"
    )


class TurnRequest(MoveRequest):
    """The new end of the turn: exactly one of `until`, `minutes` and `open_end`."""

    body_optional = False

    until: Annotated[Start | None, NotNull()] = None
    minutes: Annotated[int | None, NotNull()] = Field(
        None,
        ge=-480,
        le=480,
        multiple_of=15,
        description="from the present end, or from now if the party overstays; needs If-Match",
    )
    open_end: bool = Field(False, description="as long as the shift lasts")
    reason: str = _REASON
    preview: bool = _PREVIEW

    @model_validator(mode="after")
    def check_one(self) -> Self:
        """Require exactly one new end."""
        if (self.until is not None) + (self.minutes is not None) + self.open_end != 1:
            raise ValueError("needs exactly one of until, minutes and open_end")
        return self


class TableActOut(ReservationOut):
    """The reservation after the act, and what happened to others."""

    preview: bool = Field(description="nothing was changed: this is what would happen")
    new_end: Moment = Field(description="the end of its turn after the act")
    in_the_way: list[PartyInTheWayOut] = Field(
        description="of a preview: the parties because of which the act would be refused"
    )


class HistoryStepOut(ResponseModel):
    """One step of a reservation."""

    at: Moment
    actor: str = Field(description="guest, staff, worker, clock or operator")
    name: str | None = Field(description="the name of the staff's account")
    reason: str = Field(
        description="what was done: decision, arrival, seating, moved, swapped, ..."
    )
    from_status: StatusName
    status: StatusName
    revision: int
    from_tables: list[str] | None = Field(description="null: not known")
    tables: list[str] | None = Field(description="its tables after the step; null: not known")
    text: str | None = Field(description="why, in the words of the staff")
    more: dict[str, Any] = Field(
        description="for: the party for which it made way; with: the party it swapped with; end: "
        "the end of its turn before and after"
    )


class HistoryOut(ResponseModel):
    """Every step of a reservation, oldest first."""

    id: str
    reference: str
    steps: list[HistoryStepOut]
