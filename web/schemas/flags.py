"""Feature flags, as owners see and set them."""

from typing import Annotated

from pydantic import Field

from models.rules.flags import ALL
from web.schemas.answers import Moment, Outgoing
from web.schemas.requests import Incoming


class FlagRequest(Incoming):
    """How a flag is to be at this restaurant."""

    percent: Annotated[int, Field(ge=0, le=ALL)] = ALL
    is_killed: bool = False


class SwitchOut(Outgoing):
    """How a flag is set, and by whom."""

    percent: int = Field(description="of the reservations have it on")
    is_killed: bool = Field(description="off for all, whatever the percentages say")
    changed_at: Moment
    changed_by: str


class FlagOut(Outgoing):
    """A flag. Without any switch it is on; a restaurant's percentage goes before the house's."""

    name: str
    while_off: str = Field(description="what the house does while it is off")
    here: SwitchOut | None
    everywhere: SwitchOut | None = Field(description="set by the operators for all restaurants")


class FlagChangeOut(Outgoing):
    """That a flag was set here; `percent` is null where the switch was taken back."""

    name: str
    percent: int | None
    is_killed: bool
    at: Moment
    by: str


class FlagsOut(Outgoing):
    """All flags, and the newest changes at this restaurant."""

    flags: list[FlagOut]
    changes: list[FlagChangeOut]
