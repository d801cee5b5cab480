"""Models of changes to a reservation. Absent fields stay as they are."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from models.core.errors import sentence
from models.rules.reservations.requests import TableChange
from web.schemas.fields import (
    CHANGED,
    AreaKey,
    Email,
    Features,
    LocaleTag,
    Name,
    Note,
    PartySize,
    Phone,
    Start,
    TurnMinutes,
)
from web.schemas.requests import (
    GUESTS_NOTE,
    NEEDS,
    NOTIFY,
    STAFFS_NOTE,
    WISHES,
    DetailsIn,
    NotNull,
    RequestModel,
)


class GuestPatch(RequestModel):
    """Changes to the guest's details. Absent fields stay as they are."""

    name: Annotated[Name | None, NotNull()] = None
    email: Email | None = None
    phone: Phone | None = None
    locale: Annotated[LocaleTag | None, NotNull()] = None


class ReservationPatch(RequestModel):
    """Changes to a reservation. party_size, start and area are decided like a request."""

    model_config = ConfigDict(json_schema_extra={"examples": [CHANGED]})

    party_size: Annotated[PartySize | None, NotNull()] = None
    start: Annotated[Start | None, NotNull()] = None
    area: AreaKey | None = Field(None, description="null: any area")
    turn_minutes: TurnMinutes | None = Field(
        None,
        description="how long the party keeps its tables; null: as the rules say. Decided at once; "
        "a guest may not send it",
    )
    needs: Annotated[Features | None, NotNull()] = Field(
        None, description=f"{NEEDS}. Decided at once; a guest may not send it"
    )
    wishes: Annotated[Features | None, NotNull()] = Field(
        None, description=f"{WISHES}. Decided at once; a guest may not send it"
    )
    note: Annotated[Note | None, NotNull()] = Field(None, description=GUESTS_NOTE)
    staff_note: Annotated[Note | None, NotNull()] = Field(
        None, description=f"{STAFFS_NOTE}; a guest may not send it"
    )
    details: Annotated[DetailsIn | None, NotNull()] = Field(
        None, description="a guest may not send it"
    )
    notify: Annotated[bool | None, NotNull()] = Field(
        None, description=f"{NOTIFY}; default true; a guest may not send it"
    )
    guest: Annotated[GuestPatch | None, NotNull()] = None

    @model_validator(mode="after")
    def check_something(self) -> Self:
        """Refuse a patch without any change."""
        if not self.model_fields_set - {"notify"}:
            raise ValueError(sentence("changes_nothing", "changes nothing"))
        return self

    @property
    def table_change(self) -> TableChange | None:
        """The part that the allocation lane decides; None without such a part."""
        area = self.area or "" if "area" in self.model_fields_set else None
        turn = self.turn_minutes or 0 if "turn_minutes" in self.model_fields_set else None
        change = TableChange(self.party_size, self.start, area, turn, self.needs, self.wishes)
        return None if change == TableChange() else change
