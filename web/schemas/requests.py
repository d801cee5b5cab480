"""Models of request bodies and query strings. Errors name each unknown field."""

from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from models.core.errors import Invalid, sentence
from models.core.phones import country_of
from models.rules.reservations.requests import ConsentSaid, GuestDetails, TableRequest
from models.rules.restaurant.features import Wants
from models.rules.restaurant.restaurant import RestaurantSpec
from web.schemas.fields import (
    ASKED,
    AreaKey,
    DateText,
    Email,
    Features,
    FeaturesText,
    LocaleTag,
    Name,
    Note,
    Occasion,
    PartySize,
    PartySizeText,
    Phone,
    Start,
    Tag,
    Wording,
    to_e164,
)

DEFAULT_LOCALE = "en"
GUESTS_NOTE: Final = "the guest's note; shown to the guest in messages and pages"
NOTIFY: Final = "true: the guest is notified; false: the staff do that themselves"
WHY: Final = "why, in the host's words; kept in the history"
NEEDS: Final = "keys of features: the party gets only tables that have them all"
WISHES: Final = "keys of features: tables that have them are preferred"
STAFFS_NOTE: Final = "an internal note; no guest is shown it"


class NotNull:
    """Refuse null in a patch, with an error. An absent field stays as it is."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return the field's own validation, preceded by the check for null."""
        return core_schema.no_info_before_validator_function(_refuse_null, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the field's own schema, without null."""
        found = handler(schema)
        options = [option for option in found.get("anyOf", []) if option != {"type": "null"}]
        return options[0] if len(options) == 1 else found


def _refuse_null(value: Any) -> Any:
    if value is None:
        raise ValueError(sentence("not_null", "must not be null; leave it out to keep it"))
    return value


class RequestModel(BaseModel):
    """The base of requests: no unknown fields, no implicit conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    #: whether sending no body at all is the same as sending {}
    body_optional: ClassVar[bool] = False


class GuestIn(RequestModel):
    """The guest. An e-mail address or a phone number is required, to send the answer to."""

    name: Name
    email: Email | None = None
    phone: Phone | None = None
    locale: LocaleTag | None = None

    @model_validator(mode="after")
    def check_contact(self) -> Self:
        """Require at least one contact."""
        if self.email is None and self.phone is None:
            raise ValueError("needs an email or a phone")
        return self


class StaffGuestIn(RequestModel):
    """The guest of a booking by staff: contacts are optional."""

    name: Name
    email: Email | None = None
    phone: Phone | None = None
    locale: LocaleTag | None = None


def guest_details(guest: GuestIn | StaffGuestIn, restaurant: RestaurantSpec) -> GuestDetails:
    """Return a guest as a value of the rules.

    Raises Invalid when the phone number is invalid, or is the only contact and its country gets no
    text messages.
    """
    phone = None if guest.phone is None else to_e164(guest.phone, restaurant.phone)
    allowed = restaurant.policies.sms_countries
    if phone and not guest.email and allowed and country_of(phone) not in allowed:
        raise Invalid.field(
            "guest.phone",
            sentence("no_texts_there", "we send no text messages to that country: give an email"),
        )
    return GuestDetails(
        name=guest.name,
        email=guest.email,
        phone=phone,
        locale=guest.locale or restaurant.locale or DEFAULT_LOCALE,
    )


class ConsentIn(RequestModel):
    """Consent to marketing or its sentence, and the wording that the guest was shown."""

    given: bool
    wording: Wording

    def consent(self, source: str, *, actor: str) -> ConsentSaid:
        """Return it as a value of the rules."""
        return ConsentSaid(self.given, self.wording, source, actor)


class ReservationRequest(RequestModel):
    """A guest's request for a table."""

    model_config = ConfigDict(json_schema_extra={"examples": [ASKED]})

    party_size: PartySize
    start: Start
    guest: GuestIn
    area: AreaKey | None = None
    needs: Features = Field((), description=NEEDS)
    wishes: Features = Field((), description=WISHES)
    note: Note = ""
    waitlist: bool = Field(True, description="false: declined instead of waitlisted")
    marketing: ConsentIn | None = Field(None, description="omit it if the guest was not asked")

    def table_request(self, restaurant: RestaurantSpec) -> TableRequest:
        """Return it as a value of the rules. Raises Invalid for an invalid phone number."""
        return TableRequest(
            party_size=self.party_size,
            starts_at=self.start,
            guest=guest_details(self.guest, restaurant),
            area_key=self.area,
            note=self.note,
            waitlist=self.waitlist,
            wants=Wants(self.needs, self.wishes),
            marketing=self.marketing.consent("booking", actor="guest") if self.marketing else None,
        )


class DetailsIn(RequestModel):
    """The staff's facts about a party; absent ones stay as they are. No guest is shown them."""

    allergies: Annotated[Note | None, NotNull()] = None
    occasion: Annotated[Occasion | None, NotNull()] = None
    vip: Annotated[bool | None, NotNull()] = None
    tags: Annotated[list[Tag] | None, NotNull()] = Field(None, max_length=12)

    @property
    def changes(self) -> dict[str, Any]:
        """The named fields, as those of `models.entities.parties.Details`."""
        named = self.model_dump(exclude_unset=True)
        return named | ({"tags": tuple(dict.fromkeys(named["tags"]))} if "tags" in named else {})


class AvailabilityQuery(RequestModel):
    """The day, party and area whose available starts are returned."""

    date: DateText
    party_size: PartySizeText
    area: AreaKey | None = None
    needs: FeaturesText = ()


class BookQuery(RequestModel):
    """The day of the book."""

    date: DateText


class CancelRequest(RequestModel):
    """How to cancel."""

    body_optional: ClassVar[bool] = True

    notify: Annotated[bool | None, NotNull()] = Field(
        None, description=f"{NOTIFY}; default true; a guest may not send it"
    )


class Nothing(RequestModel):
    """No fields."""

    body_optional: ClassVar[bool] = True
