"""Guests, for the staff: who is asked for, and what goes out."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from models.rules.restaurant.restaurant import RestaurantSpec
from web.schemas.answers import GuestOut, Moment, Outgoing, StatusName
from web.schemas.book import BookMessageOut
from web.schemas.fields import Phone, SoughtEmail, parse_int, to_kept
from web.schemas.requests import Incoming

EntryId = Annotated[
    int,
    BeforeValidator(parse_int),
    Field(ge=1),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 999_999_999}),
]


class GuestQuery(Incoming):
    """One guest, by exactly one contact. In a body, so that no log of addresses has it."""

    email: SoughtEmail | None = None
    phone: Phone | None = None

    @model_validator(mode="after")
    def check_one(self) -> Self:
        """One of the two."""
        if (self.email is None) == (self.phone is None):
            raise ValueError("needs an email or a phone, and not both")
        return self

    def contact(self, restaurant: RestaurantSpec) -> str:
        """The contact as it was written down, now or by an earlier release. Raises Invalid."""
        if self.phone is not None:
            return to_kept(self.phone, restaurant.phone, "phone")
        return to_kept(self.email or "", restaurant.phone, "email")


class GuestErasure(GuestQuery):
    """Who is to be forgotten."""

    cancel: bool = Field(False, description="cancel what has not ended, without telling the guest")


class AuditQuery(Incoming):
    """Which part of the audit."""

    before: EntryId | None = Field(None, description="only entries older than this one's id")


class FoundReservationOut(Outgoing):
    """One reservation of the guest."""

    id: str
    reference: str
    status: StatusName
    revision: int
    party_size: int
    start: Moment
    end: Moment
    guest: GuestOut | None = Field(description="null: it cannot be read")
    note: str = Field(description="the guest's own wishes")
    staff_note: str = Field(description="the staff's own; no guest is shown it")
    source: str
    created_at: Moment
    messages: list[BookMessageOut]


class ConsentOut(Outgoing):
    """The last word on one contact."""

    channel: str = Field(description="email or sms")
    purpose: str = Field(description="marketing")
    given: bool
    at: Moment
    source: str = Field(description="booking, manage or staff")
    wording: str = Field(description="which text the guest had before the eyes")


class FoundGuestOut(Outgoing):
    """Reservations of the guest at this restaurant, newest first."""

    reservations: list[FoundReservationOut]
    consents: list[ConsentOut]
    more: bool = Field(description="there are older reservations; an export has them all")


class ConsentsOut(Outgoing):
    """What the guest of a reservation has consented to, as it stands."""

    consents: list[ConsentOut]


class GuestExportOut(Outgoing):
    """Everything that is held of the guest here; times are in UTC."""

    contact: str
    reservations: list[dict[str, Any]]
    consents: list[dict[str, Any]]


class ErasedOut(Outgoing):
    """What was erased. Everything 0 the second time."""

    reservations: int
    references: list[str]
    cancelled: int
    messages: int
    consents: int


class AuditEntryOut(Outgoing):
    """Who did what. `about`: references of reservations, or a file's name and version."""

    id: str
    at: Moment
    actor: str
    action: str
    about: list[str]


class AuditOut(Outgoing):
    """Entries, newest first; an empty list is the end."""

    entries: list[AuditEntryOut]
