"""Models of responses. The views build plain dicts; the tests validate them by these models."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
StatusName = Literal[
    "requested",
    "waitlisted",
    "confirmed",
    "arrived",
    "seated",
    "finished",
    "declined",
    "cancelled",
    "expired",
    "no_show",
]
ChangeStatus = Literal["requested", "accepted", "refused", "superseded", "dropped"]


class ResponseModel(BaseModel):
    """The base of responses: exactly the declared fields."""

    model_config = ConfigDict(extra="forbid")


SENTENCE: Final = "a stable code of this sentence, to say it in another language"
VALUES: Final = "what stands in the sentence: a state, a time, labels of tables, a number"


class ProblemField(ResponseModel):
    """One bad field."""

    field: str = Field(description="a path such as guest.email, or a header's name")
    message: str
    why: str | None = Field(None, description=SENTENCE)
    values: dict[str, str | int] | None = Field(None, description=VALUES)


class PartyInTheWayOut(ResponseModel):
    """A party at tables that another is to have, and why it stays there."""

    id: str
    reference: str
    status: StatusName
    party_size: int
    start: str = Field(description="RFC 3339, in UTC")
    end: str = Field(description="RFC 3339, in UTC")
    tables: list[str]
    why: Literal["seated", "arrived", "locked", "no_table", "comes"] = Field(
        description="seated, arrived: the party is here. locked: to its tables. no_table: no other "
        "table is free for it. comes: it has a table in the area that another is to take whole"
    )


class Problem(BaseModel):
    """RFC 9457. `code` is stable; `errors` names each bad field."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemField]
    request_id: str
    why: str | None = Field(None, description=SENTENCE)
    values: dict[str, str | int] | None = Field(None, description=VALUES)
    reason: str | None = Field(None, description="not-seated: why there is no table")
    reservation_id: str | None = Field(
        None, description="already-booked: the reservation that the guest has"
    )
    manage_url: str | None = Field(
        None, description="already-booked: the manage link of that reservation"
    )
    parties: list[PartyInTheWayOut] | None = Field(
        None, description="table-taken: the parties in the way"
    )
    outcome: Literal["unknown"] | None = Field(
        None,
        description="unknown: the change may have been made; a retry of the same request is safe",
    )


class AreaOut(ResponseModel):
    """A room or a terrace."""

    key: str
    name: str
    online: bool = Field(
        description="whether guests can request it: it has tables that are offered online"
    )


class ShiftOut(ResponseModel):
    """When parties may be seated, in the restaurant's local time."""

    key: str
    name: str
    first: str
    last: str
    ends: str
    weekdays: list[int] = Field(description="0 is Monday")
    on_date: str | None = None


class FeatureOut(ResponseModel):
    """Something that some tables offer; its key stands in `needs` and `wishes`."""

    key: str
    name: str


class RestaurantOut(ResponseModel):
    """The public facts of a restaurant."""

    slug: str
    name: str
    zone: str
    locale: str
    phone: str
    email: str
    address: str
    areas: list[AreaOut]
    capacity: Literal["tables", "covers"] = Field(
        description="covers: parties have no tables; guests are counted"
    )
    features: list[FeatureOut]
    shifts: list[ShiftOut]
    min_party: int
    max_party: int
    lead_minutes: int
    window_days: int
    slot_minutes: int
    cancel_cutoff_minutes: int
    logo: str | None = Field(description="path of the picture at this API's address")


class SlotOut(ResponseModel):
    """A start that could be accepted now: an offer, not a promise."""

    start: Moment
    shift: str
    on_request: bool = Field(
        description="the staff approve such a request: until then it is `requested`, and holds "
        "its tables"
    )


class AvailabilityOut(ResponseModel):
    """The available starts of a day."""

    date: str
    party_size: int
    area: str | None
    slots: list[SlotOut]


class RestaurantRef(ResponseModel):
    """The reservation's restaurant."""

    slug: str
    name: str
    zone: str
    phone: str


class GuestOut(ResponseModel):
    """The guest of a reservation."""

    name: str
    email: str | None
    phone: str | None
    locale: str


class ChangeOut(ResponseModel):
    """The last change request of the reservation, and its outcome."""

    id: str
    status: ChangeStatus
    party_size: int
    start: Moment
    area: str | None
    reason: str | None
    alternatives: list[Moment]


class AffectedOut(ResponseModel):
    """Another party that an act moved, or whose turn it cut."""

    id: str
    reference: str
    party_size: int
    start: Moment
    end: Moment
    from_tables: list[str]
    to_tables: list[str]
    cut: bool = Field(description="its turn now ends earlier, at `end`")


class DetailsOut(ResponseModel):
    """The staff's facts about a party; no guest is shown them."""

    allergies: str
    occasion: str
    vip: bool
    tags: list[str]


class ReservationOut(ResponseModel):
    """A reservation, as its guest and the staff may see it."""

    id: str
    reference: str
    status: StatusName
    revision: int = Field(
        description="the number in the ETag: rises for a guest with changes the guest can see, "
        "for staff with every change"
    )
    party_size: int
    start: Moment
    end: Moment
    area: str | None
    restaurant: RestaurantRef
    guest: GuestOut
    needs: list[str] = Field(description="features that its tables must have")
    wishes: list[str] = Field(description="features that its tables should have")
    note: str = Field(description="the guest's note")
    reason: str | None = Field(description="why it was declined")
    alternatives: list[Moment] = Field(description="up to three other starts")
    change: ChangeOut | None
    created_at: Moment
    decided_at: Moment | None
    confirm_by: Moment | None = Field(
        None,
        description="the time by which the guest must confirm it through the link in the message",
    )
    approve_by: Moment | None = Field(
        None,
        description="of a decided request in `requested`: its tables are held, and the staff have "
        "to approve it by then",
    )
    manage_url: str | None = Field(description="for the guest only")
    manage_token: str | None = Field(description="for the guest only")
    tables: list[str] | None = Field(None, description="for staff only")
    source: str | None = Field(None, description="for staff only")
    staff_note: str | None = Field(None, description="for staff only: the internal note")
    tables_locked: bool | None = Field(
        None, description="for staff only: nobody moves the party until it is unlocked"
    )
    turn_minutes: int | None = Field(
        None, description="for staff only: the turn that they chose; null: as the rules say"
    )
    affected: list[AffectedOut] | None = Field(
        None, description="after an act on tables: who was moved where, and whose turn was cut"
    )
    details: DetailsOut | None = Field(None, description="for staff only")
    expected_at: Moment | None = Field(
        None, description="for staff only: the party runs late, and comes by then"
    )
    arrived_covers: int | None = Field(
        None, description="for staff only: so many are here; null: all of them, or none"
    )
    spend: str | None = Field(None, description="for staff only: what the party spent, if known")
    warnings: (
        list[Literal["pacing", "outside_hours", "short_turn", "blocked", "no_shows"]] | None
    ) = Field(
        None,
        description="for staff only, of a party just entered. A walk-in: pacing: more start now "
        "than the pacing allows. outside_hours: no shift offers a start now. short_turn: the next "
        "party needs the table at `end`. Any party: blocked, no_shows: the guest cannot book "
        "online, for the staff blocked the guest, or for too many no-shows",
    )


class RequestedOut(ResponseModel):
    """A stored request that waits for its decision."""

    id: str
    reference: str
    status: StatusName
    party_size: int
    start: Moment
    area: str | None
    restaurant: RestaurantRef
    created_at: Moment
    manage_url: str
    manage_token: str


class LinkSentOut(ResponseModel):
    """The channels by which the link is sent. Only the guest gets the link itself."""

    channels: list[str] = Field(description="email, sms")
