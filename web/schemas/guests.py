"""Models of guests, for staff: queries and results."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from models.rules.restaurant.restaurant import RestaurantSpec
from web.schemas.answers import GuestOut, Moment, ResponseModel, StatusName
from web.schemas.book import BookMessageOut
from web.schemas.fields import Phone, SoughtEmail, parse_int, to_stored
from web.schemas.requests import RequestModel

EntryId = Annotated[
    int,
    BeforeValidator(parse_int),
    Field(ge=1),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 999_999_999}),
]


class GuestQuery(RequestModel):
    """One guest, by exactly one contact. It is sent in the body, so that no URL log contains it."""

    email: SoughtEmail | None = None
    phone: Phone | None = None

    @model_validator(mode="after")
    def check_one(self) -> Self:
        """Require exactly one of the two."""
        if (self.email is None) == (self.phone is None):
            raise ValueError("needs an email or a phone, and not both")
        return self

    def contact(self, restaurant: RestaurantSpec) -> str:
        """Return the contact as this or an earlier release stored it. Raises Invalid."""
        if self.phone is not None:
            return to_stored(self.phone, restaurant.phone, "phone")
        return to_stored(self.email or "", restaurant.phone, "email")


class GuestErasure(GuestQuery):
    """The guest to erase."""

    cancel: bool = Field(
        False, description="cancel reservations that have not ended, without notifying the guest"
    )


class AuditQuery(RequestModel):
    """The part of the audit to read."""

    before: EntryId | None = Field(None, description="only entries with a smaller id")


class FoundReservationOut(ResponseModel):
    """One reservation of the guest."""

    id: str
    reference: str
    status: StatusName
    revision: int
    party_size: int
    start: Moment
    end: Moment
    guest: GuestOut | None = Field(description="null: it cannot be decrypted")
    note: str = Field(description="the guest's note")
    staff_note: str = Field(description="the staff's internal note; no guest is shown it")
    source: str
    created_at: Moment
    messages: list[BookMessageOut]


class ConsentOut(ResponseModel):
    """The latest consent for one contact."""

    channel: str = Field(description="email or sms")
    purpose: str = Field(description="marketing")
    given: bool
    at: Moment
    source: str = Field(description="booking, manage or staff")
    wording: str = Field(description="id of the text that the guest was shown")


class FoundGuestOut(ResponseModel):
    """Reservations of the guest at this restaurant, newest first."""

    reservations: list[FoundReservationOut]
    consents: list[ConsentOut]
    more: bool = Field(description="true: there are older reservations; an export has all of them")


class ConsentsOut(ResponseModel):
    """The current consents of a reservation's guest."""

    consents: list[ConsentOut]


class GuestExportOut(ResponseModel):
    """Everything stored about the guest here; times are in UTC."""

    contact: str
    reservations: list[dict[str, Any]]
    consents: list[dict[str, Any]]
    guest_book: list[dict[str, Any]] = Field(
        description="the guest's record; `withheld`: it belongs to another, confirmed contact"
    )


class ErasedOut(ResponseModel):
    """Counts of what was erased. All are 0 on a repeat."""

    reservations: int
    references: list[str]
    cancelled: int
    messages: int
    consents: int


class AuditEntryOut(ResponseModel):
    """An audit entry. `about`: references of reservations, or a file's name and version."""

    id: str
    at: Moment
    actor: str
    action: str
    about: list[str]


class AuditOut(ResponseModel):
    """Entries, newest first; an empty list is the end."""

    entries: list[AuditEntryOut]
