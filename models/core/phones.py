"""Phone numbers: pasted text as plain digits, E.164, and checks for impossible numbers."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

import phonenumbers
from babel.core import get_global
from phonenumbers import CountryCodeSource, PhoneNumber, PhoneNumberType, ValidationResult

from models.core.errors import sentence

PHONE_MAX: Final = 64
#: ITU-T E.164: the limit for a number with its country code. phonenumbers accepts longer ones
_DIGITS_MAX: Final = 15

#: middle dots, which no standard counts among the dashes or dots
_MIDDLE_DOTS: Final = frozenset("\u00b7\u2022\u2027\u2219\u22c5\u30fb\uff65")
_MINUS: Final = "\u2212"
_EXTENSION: Final = re.compile(
    r"\s*(?:;\s*ext\s*=|ext(?:ension|n)?\s*[.:]?|x|#)\s*([0-9]{1,7})\s*\Z"
)
_PARAMETERS: Final = re.compile(r";(?!\s*ext\s*=)[a-z-]+=[^;]*")
_PHONE: Final = re.compile(r"(?=(?:[^0-9]*[0-9]){3})\(?\+?[0-9 ()./\-]{3,40}\Z", re.ASCII)
_NO_NUMBER: Final = sentence("no_phone", "must be a phone number such as +49 30 1234567")
_NOT_ONE: Final = sentence("not_a_phone", "is not a phone number")
_FOREIGN: Final = "is not a phone number of {country}; a foreign number needs its country code"
_NO_AREA: Final = "needs its area code, or its country code, such as {country}"
_MEXICO: Final = 52
_IMPOSSIBLE: Final = {
    ValidationResult.TOO_SHORT: sentence("phone_short", "is too short for a phone number"),
    ValidationResult.TOO_LONG: sentence("phone_long", "is too long for a phone number"),
    ValidationResult.INVALID_LENGTH: sentence(
        "phone_length", "has the wrong length for a phone number of its country"
    ),
    ValidationResult.INVALID_COUNTRY_CODE: sentence(
        "phone_country", "begins with a country code that does not exist"
    ),
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: sentence("phone_area", "needs its area code"),
}


def clean_phone(value: str) -> str:
    """Pasted text reduced to digits, `+`, blanks, brackets, dots, slashes and dashes.

    Digits of all scripts become plain, every dash becomes `-`; invisible characters, `tel:` and an
    extension (no message goes there) are removed. Raises ValueError if it is not a phone number.
    """
    if len(value) > PHONE_MAX:
        raise ValueError(_NO_NUMBER)
    text = _parted(value)[0]
    if not _PHONE.match(text):
        raise ValueError(_NO_NUMBER)
    return text


def normal_phone(value: str, restaurant_phone: str) -> str:
    """A phone number in E.164. Without `+` it is read as one of `restaurant_phone`'s country.

    Raises ValueError with the reason.
    """
    return _normal_phone(clean_phone(value), restaurant_phone)


@lru_cache(maxsize=1024)
def lookup_phone(value: str, restaurant_phone: str) -> str:
    """Like `normal_phone`, for look-ups: accepts possible numbers that may have been stored before.

    Raises ValueError if the number could never have been stored.
    """
    cleaned = clean_phone(value)
    try:
        return _normal_phone(cleaned, restaurant_phone)
    except ValueError:
        number = _read_phone(cleaned, restaurant_phone)
        if not phonenumbers.is_possible_number(number):
            raise
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def last_digits(value: str) -> str:
    """The last nine digits, which are the same with and without the country code."""
    digits = "".join(letter for letter in _parted(value)[0] if letter in "0123456789")
    return digits[-9:]


def country_of(phone: str) -> str:
    """The country (`DE`) of a number in E.164; empty if it belongs to none."""
    return _region_of(phone) or ""


@lru_cache(maxsize=4096)
def _normal_phone(text: str, restaurant_phone: str) -> str:
    number = _read_phone(text, restaurant_phone)
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason is not ValidationResult.IS_POSSIBLE:
        raise ValueError(_IMPOSSIBLE.get(reason, _NOT_ONE))
    if not number.national_number:
        raise ValueError(_NOT_ONE)
    if not _is_foreign(text):
        _check_national(text, number)
    found = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if len(found) - 1 > _DIGITS_MAX:
        raise ValueError(_IMPOSSIBLE[ValidationResult.TOO_LONG])
    return found


def _parted(value: str) -> tuple[str, str]:
    """A number's text and its extension, both in plain characters."""
    text = "".join(map(_plain, unicodedata.normalize("NFKC", value))).strip().lower()
    text = _PARAMETERS.sub("", text.removeprefix("tel:")).strip()
    found = _EXTENSION.search(text)
    return (text[: found.start()], found[1]) if found else (text, "")


def _plain(letter: str) -> str:
    category = unicodedata.category(letter)
    if category == "Nd":
        return str(unicodedata.decimal(letter))
    if category == "Pd" or letter == _MINUS:
        return "-"
    if category == "Cf":
        return ""
    if letter in _MIDDLE_DOTS:
        return "."
    return " " if letter.isspace() else letter


@lru_cache(maxsize=1024)
def restaurant_country(phone: str, zone: str) -> str:
    """The country (`DE`) of a restaurant, by its phone number or else its zone; may be empty."""
    return country_of(phone) or str(get_global("zone_territories").get(zone, ""))


def _is_foreign(text: str) -> bool:
    return "+" in text


def _read_phone(text: str, restaurant_phone: str) -> PhoneNumber:
    region = _region_of(restaurant_phone)
    if region is None and not _is_foreign(text):
        raise ValueError(sentence("phone_needs_country", "needs its country code, such as +49"))
    try:
        number = phonenumbers.parse(text, region, keep_raw_input=True)
    except phonenumbers.NumberParseException as wrong:
        if wrong.error_type == wrong.INVALID_COUNTRY_CODE:
            raise ValueError(_IMPOSSIBLE[ValidationResult.INVALID_COUNTRY_CODE]) from wrong
        raise ValueError(_NOT_ONE) from wrong
    mobile = str(number.national_number)
    if number.country_code == _MEXICO and len(mobile) == 11 and mobile.startswith("1"):
        number.national_number = int(mobile[1:])  # dialled until 2019, and still widely stored
    return number


def _check_national(text: str, number: PhoneNumber) -> None:
    """Check a number without a country code: it must be valid there and include its area code.

    In countries where area codes follow a leading 0, a number without that 0 lacks its area code,
    except for mobile numbers, which have none. Raises ValueError.
    """
    country = f"+{number.country_code}"
    if not phonenumbers.is_valid_number(number):
        raise ValueError(sentence("phone_foreign", _FOREIGN, country=country))
    region = phonenumbers.region_code_for_number(number) or ""
    without_plus = CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN
    named = text.lstrip("( ").startswith("0") or number.country_code_source == without_plus
    is_mobile = phonenumbers.number_type(number) == PhoneNumberType.MOBILE
    if phonenumbers.ndd_prefix_for_region(region, True) == "0" and not (named or is_mobile):
        raise ValueError(sentence("phone_area_or_country", _NO_AREA, country=country))


@lru_cache(maxsize=256)
def _region_of(restaurant_phone: str) -> str | None:
    if not restaurant_phone.startswith("+"):
        return None
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(restaurant_phone))
    except phonenumbers.NumberParseException:
        return None
