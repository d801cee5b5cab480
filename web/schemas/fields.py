"""Field types of requests: strict and bounded. Each error states what to send."""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from models.core.contacts import EMAIL_LONG, EMAIL_MAX, lookup_contact, normal_email
from models.core.errors import Invalid, sentence, words_of
from models.core.names import is_visible, tidy_name
from models.core.phones import PHONE_MAX, clean_phone, normal_phone
from models.rules.restaurant.restaurant import QUARTER_SECONDS

PARTY_MAX: Final = 1000
NAME_MAX: Final = 120
YEARS: Final = range(2000, 2200)
_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)?\Z", re.ASCII
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_INT: Final = re.compile(r"\d{1,9}\Z", re.ASCII)
#: maximum length of pasted text, with surrounding blanks and characters that are dropped
_PASTED: Final = 2 * EMAIL_MAX
#: control characters, lone surrogates, private use, line and paragraph separators
_REFUSED: Final = frozenset({"Cc", "Cs", "Co", "Zl", "Zp"})
#: characters that change the reading direction, and so what a host reads
_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line(value: str) -> str:
    """Return stripped NFC text. Raises ValueError for control characters."""
    clean = unicodedata.normalize("NFC", value.strip())
    _refuse_hidden(clean, frozenset())
    return clean


def person_name(value: str) -> str:
    """Return one line with a visible character. Its length is checked again: NFC may add to it."""
    clean = tidy_name(one_line(value))
    if not clean:
        raise ValueError(sentence("not_empty", "must not be empty"))
    if not is_visible(clean):
        raise ValueError(
            sentence("invisible", "must have a letter, digit or sign that can be seen")
        )
    if len(clean) > NAME_MAX:
        raise ValueError(
            sentence(
                "string_too_long", "must have at most {max_length} characters", max_length=NAME_MAX
            )
        )
    return clean


def several_lines(value: str) -> str:
    """Do the same as `one_line`, but allow line breaks and tabs."""
    clean = unicodedata.normalize("NFC", value.replace("\r\n", "\n").strip())
    _refuse_hidden(clean, frozenset("\n\t"))
    return clean


def _refuse_hidden(text: str, allowed: frozenset[str]) -> None:
    if text.isascii() and text.isprintable():
        return
    for letter in text:
        hidden = unicodedata.category(letter) in _REFUSED or letter in _TURNING
        if hidden and letter not in allowed:
            raise ValueError(sentence("control_characters", "must not contain control characters"))


def parse_instant(value: Any) -> datetime:
    """Parse RFC 3339 with an offset, and return UTC."""
    if not isinstance(value, str) or not (found := _RFC3339.match(value)):
        raise ValueError("must be an RFC 3339 time such as 2027-05-01T19:30:00+02:00")
    if found.group(2) is None:
        raise ValueError("needs its offset, such as +02:00 or Z")
    if int(value[:4]) not in YEARS:
        raise ValueError(f"must lie in the years {YEARS.start} to {YEARS.stop - 1}")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except ValueError as wrong:
        raise ValueError("is not a time that exists") from wrong


def parse_start(value: Any) -> datetime:
    """Parse RFC 3339 with an offset, on the quarter-hour grid, and return UTC."""
    start = parse_instant(value)
    if start.microsecond or start.timestamp() % QUARTER_SECONDS:
        raise ValueError(sentence("no_quarter", "must be on a quarter of an hour"))
    return start


def parse_keys(value: Any) -> Any:
    """Return a JSON list of keys as a tuple without repetitions."""
    return tuple(dict.fromkeys(value)) if isinstance(value, list) else value


def parse_keys_text(value: Any) -> Any:
    """Return the keys of a query string: `booth,step-free`."""
    return tuple(filter(None, value.split(","))) if isinstance(value, str) else value


def parse_date(value: Any) -> date:
    """Parse `YYYY-MM-DD`."""
    if not isinstance(value, str) or not _DATE.match(value):
        raise ValueError("must be a date such as 2027-05-01")
    try:
        day = date.fromisoformat(value)
    except ValueError as wrong:
        raise ValueError("is not a date that exists") from wrong
    if day.year not in YEARS:
        raise ValueError(f"must lie in the years {YEARS.start} to {YEARS.stop - 1}")
    return day


def parse_int(value: Any) -> int:
    """Parse a whole number from a query string."""
    if not isinstance(value, str) or not _INT.match(value):
        raise ValueError("must be a whole number")
    return int(value)


def parse_email(value: Any) -> str:
    """Return the normalised e-mail address. Only its syntax is checked; no DNS queries."""
    if not isinstance(value, str) or len(value) > _PASTED:
        raise ValueError(EMAIL_LONG)
    return normal_email(value)


def parse_phone(value: Any) -> str:
    """Return a cleaned phone number. `to_e164` parses it once the restaurant's country is known."""
    if not isinstance(value, str):
        raise ValueError("must be a phone number such as +49 30 1234567")
    return clean_phone(value)


def to_e164(value: str, restaurant_phone: str, field: str = "guest.phone") -> str:
    """Return the number in E.164. Without `+` it is read as one of the restaurant's country.

    Raises Invalid naming `field`.
    """
    try:
        return normal_phone(value, restaurant_phone)
    except ValueError as wrong:
        raise Invalid.field(field, words_of(wrong)) from wrong


def to_stored(value: str, restaurant_phone: str, field: str) -> str:
    """Return the contact as stored, also one that only an earlier release would have accepted.

    Raises Invalid naming `field`.
    """
    try:
        return lookup_contact(value, restaurant_phone)
    except ValueError as wrong:
        raise Invalid.field(field, words_of(wrong)) from wrong


Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339 with offset",
            "examples": ["2027-05-01T19:32:10+02:00"],
        }
    ),
]
Start = Annotated[
    datetime,
    BeforeValidator(parse_start),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339 with offset, on a quarter of an hour",
            "examples": ["2027-05-01T19:30:00+02:00"],
        }
    ),
]
DateText = Annotated[
    date, BeforeValidator(parse_date), WithJsonSchema({"type": "string", "format": "date"})
]
PartySize = Annotated[int, Field(strict=True, ge=1, le=PARTY_MAX)]
TurnMinutes = Annotated[int, Field(strict=True, ge=15, le=720, multiple_of=15)]
PartySizeText = Annotated[
    int,
    BeforeValidator(parse_int),
    Field(ge=1, le=PARTY_MAX),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": PARTY_MAX}),
]
TurnMinutesText = Annotated[
    int,
    BeforeValidator(parse_int),
    Field(ge=15, le=720, multiple_of=15),
    WithJsonSchema({"type": "integer", "minimum": 15, "maximum": 720, "multipleOf": 15}),
]
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX), AfterValidator(person_name)]
Note = Annotated[str, Field(max_length=1000), AfterValidator(several_lines)]
Occasion = Annotated[str, Field(max_length=63), AfterValidator(one_line)]
Tag = Annotated[str, Field(min_length=1, max_length=32), AfterValidator(one_line)]
#: an address to search for; nothing is sent to it
SoughtEmail = Annotated[
    str,
    Field(min_length=3, max_length=_PASTED, pattern=r"@"),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": EMAIL_MAX}),
]
AreaKey = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
#: an amount of money as a decimal: `128.50`
Money = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,2})?$")]
Features = Annotated[
    tuple[AreaKey, ...],
    BeforeValidator(parse_keys),
    Field(max_length=20),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "maxItems": 20}),
]
FeaturesText = Annotated[
    tuple[AreaKey, ...],
    BeforeValidator(parse_keys_text),
    Field(max_length=20),
    WithJsonSchema({"type": "string", "description": "keys of features, with commas between"}),
]
Wording = Annotated[str, Field(max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
TableLabel = Annotated[str, Field(min_length=1, max_length=32), AfterValidator(one_line)]
Email = Annotated[
    str,
    BeforeValidator(parse_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]
Phone = Annotated[
    str,
    BeforeValidator(parse_phone),
    WithJsonSchema({"type": "string", "maxLength": PHONE_MAX, "examples": ["+49 30 1234567"]}),
]
LocaleTag = Annotated[
    str,
    Field(max_length=16, pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$"),
]

# --- example bodies for the OpenAPI document, valid once their start is near enough

#: on a quarter of an hour, with its offset
START: Final = "2027-05-01T19:30:00+02:00"

_GUEST: Final = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+49 30 901820"}

ASKED: Final[dict[str, Any]] = {
    "party_size": 2,
    "start": START,
    "guest": _GUEST,
    "note": "by the window",
}
BOOKED: Final[dict[str, Any]] = ASKED | {
    "note": "allergic to nuts",
    "staff_note": "a regular",
    "notify": True,
}
CHANGED: Final[dict[str, Any]] = {"party_size": 4, "note": "a high chair, please"}
