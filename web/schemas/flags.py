"""Models of feature flags."""

from typing import Annotated

from pydantic import Field

from models.rules.flags import ALL
from web.schemas.answers import Moment, ResponseModel
from web.schemas.requests import RequestModel


class FlagRequest(RequestModel):
    """The new setting of a flag at this restaurant."""

    percent: Annotated[int, Field(ge=0, le=ALL)] = ALL
    is_killed: bool = False


class SwitchOut(ResponseModel):
    """A flag's setting, and who made it."""

    percent: int = Field(description="percentage of the reservations for which it is on")
    is_killed: bool = Field(description="true: off for all, whatever the percentage is")
    changed_at: Moment
    changed_by: str


class FlagOut(ResponseModel):
    """A flag. Without a setting it is on. A restaurant's percentage overrides the one for all."""

    name: str
    while_off: str = Field(description="behaviour while the flag is off")
    here: SwitchOut | None
    everywhere: SwitchOut | None = Field(description="set by the operators for all restaurants")


class FlagChangeOut(ResponseModel):
    """A change of a flag here; `percent` is null where the setting was removed."""

    name: str
    percent: int | None
    is_killed: bool
    at: Moment
    by: str


class FlagsOut(ResponseModel):
    """All flags, and the newest changes at this restaurant."""

    flags: list[FlagOut]
    changes: list[FlagChangeOut]
