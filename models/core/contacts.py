"""E-mail addresses and phone numbers in the one form in which they are kept and looked up.

A guest is found again by a keyed hash of the contact: two spellings of one address or number must
come to the same text before they are hashed. What was kept by an earlier release is normal here as
well (`normal_...` leaves it as it is), so that its hash still finds it.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

import phonenumbers
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from phonenumbers import CountryCodeSource, PhoneNumber, PhoneNumberType, ValidationResult

#: RFC 5321: of a local part, of a domain, and of a path without its brackets
LOCAL_MAX: Final = 64
DOMAIN_MAX: Final = 255
EMAIL_MAX: Final = 254
PHONE_MAX: Final = 64

_PLAIN_EMAIL: Final = re.compile(
    r"[a-z0-9]{1,16}(?:[._+-][a-z0-9]{1,11}){0,4}@(?:[a-z][a-z0-9]{0,40}\.){1,3}[a-z]{2,12}\Z",
    re.ASCII,
)
_SPECIAL_ENDINGS: Final = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)
#: in a domain they are letters: who drops them writes to another domain
_JOINERS: Final = "\u200c\u200d"
#: dots in the middle, which no standard counts among the dashes or dots
_MIDDLE_DOTS: Final = frozenset("\u00b7\u2022\u2027\u2219\u22c5\u30fb\uff65")
_MINUS: Final = "\u2212"
_EXTENSION: Final = re.compile(
    r"\s*(?:;\s*ext\s*=|ext(?:ension|n)?\s*[.:]?|x|#)\s*([0-9]{1,7})\s*\Z"
)
_PARAMETERS: Final = re.compile(r";(?!\s*ext\s*=)[a-z-]+=[^;]*")
_PHONE: Final = re.compile(r"(?=(?:[^0-9]*[0-9]){3})\(?\+?[0-9 ()./\-]{3,40}\Z", re.ASCII)
_NO_NUMBER: Final = "must be a phone number such as +49 30 1234567"
_MEXICO: Final = 52
_IMPOSSIBLE: Final = {
    ValidationResult.TOO_SHORT: "is too short for a phone number",
    ValidationResult.TOO_LONG: "is too long for a phone number",
    ValidationResult.INVALID_LENGTH: "has a length that no phone number of its country has",
    ValidationResult.INVALID_COUNTRY_CODE: "begins with a country code that does not exist",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "needs its area code",
}


def clean_email(value: str) -> str:
    """What was pasted, without blanks and invisible characters; full-width letters are plain."""
    if is_plain_email(value):
        return value
    local, at, domain = value.replace("\uff20", "@").rpartition("@")
    kept = "" if domain.isascii() else _JOINERS
    text = f"{_visible(local)}{at}{_visible(domain, kept)}"
    return unicodedata.normalize("NFKC", text).strip()


def normal_email(value: str) -> str:
    """The address by every rule of the standards, its domain in ASCII. No look-ups.

    Raises ValueError saying what is wrong.
    """
    normal = _read_email(value)
    local, _, domain = normal.rpartition("@")
    for part, most, name in ((local, LOCAL_MAX, "before"), (domain, DOMAIN_MAX, "after")):
        if len(part) > most:
            raise ValueError(
                f"is not an e-mail address: at most {most} characters may stand {name} the @"
            )
    if len(normal) > EMAIL_MAX:
        raise ValueError(f"must be an e-mail address of at most {EMAIL_MAX} characters")
    return normal


def is_plain_email(value: str) -> bool:
    """Whether this is the usual kind of address, which the full check would leave as it is.

    The full check takes tens of microseconds, on the path of every request.
    """
    return bool(_PLAIN_EMAIL.match(value)) and value.rpartition(".")[2] not in _SPECIAL_ENDINGS


def clean_phone(value: str) -> str:
    """What was pasted as digits, `+`, blanks, brackets, dots, slashes and dashes.

    Digits of all scripts are plain, every dash is a `-`, invisible characters and `tel:` are gone,
    and so is an extension: no message goes there. Raises ValueError when it is no phone number.
    """
    if len(value) > PHONE_MAX:
        raise ValueError(_NO_NUMBER)
    text = _parted(value)[0]
    if not _PHONE.match(text):
        raise ValueError(_NO_NUMBER)
    return text


def normal_phone(value: str, house_phone: str) -> str:
    """A phone number in E.164. Without `+` it is read as one of `house_phone`'s country.

    Raises ValueError saying what is wrong.
    """
    return _normal_phone(clean_phone(value), house_phone)


@lru_cache(maxsize=4096)
def _normal_phone(text: str, house_phone: str) -> str:
    number = _read_phone(text, house_phone)
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason is not ValidationResult.IS_POSSIBLE:
        raise ValueError(_IMPOSSIBLE.get(reason, "is not a phone number"))
    if not number.national_number:
        raise ValueError("is not a phone number")
    if not _is_foreign(text):
        _check_national(text, number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def kept_contact(value: str, house_phone: str = "") -> str:
    """A contact to look somebody up by: one that is refused today may have been kept before.

    An e-mail address has an `@`. Raises ValueError when it can be read as neither.
    """
    text = value.strip()
    if "@" in text:
        return _read_email(text)
    cleaned = clean_phone(text)
    try:
        return _normal_phone(cleaned, house_phone)
    except ValueError:
        number = _read_phone(cleaned, house_phone)
        if not phonenumbers.is_possible_number(number):
            raise
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def counted_as(contact: str) -> str:
    """One name for all spellings of a contact that reach one person: to count by, not to send to.

    An e-mail address without its `+tag` and in small letters; of a phone number the last nine
    digits, which are the same with and without its country. What is no contact counts as it is.
    """
    if "@" in contact or "\uff20" in contact:
        try:
            text = normal_email(contact)
        except ValueError:
            text = clean_email(contact)
        local, _, domain = text.casefold().rpartition("@")
        return f"{local.partition('+')[0] or local}@{domain}"
    digits = "".join(letter for letter in _parted(contact)[0] if letter in "0123456789")
    return f"phone {digits[-9:]}" if digits else ""


def country_of(phone: str) -> str:
    """The country (`DE`) of a number in E.164; empty when it belongs to none."""
    return _region_of(phone) or ""


def _read_email(value: str) -> str:
    text = clean_email(value)
    if is_plain_email(text):
        return text
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as wrong:
        raise ValueError(f"is not an e-mail address: {str(wrong).rstrip('.')}") from wrong
    return found.ascii_email or found.normalized


def _visible(text: str, kept: str = "") -> str:
    return "".join(c for c in text if unicodedata.category(c) != "Cf" or c in kept)


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


def _is_foreign(text: str) -> bool:
    return "+" in text


def _read_phone(text: str, house_phone: str) -> PhoneNumber:
    region = _region_of(house_phone)
    if region is None and not _is_foreign(text):
        raise ValueError("needs its country code, such as +49")
    try:
        number = phonenumbers.parse(text, region, keep_raw_input=True)
    except phonenumbers.NumberParseException as wrong:
        if wrong.error_type == wrong.INVALID_COUNTRY_CODE:
            raise ValueError(_IMPOSSIBLE[ValidationResult.INVALID_COUNTRY_CODE]) from wrong
        raise ValueError("is not a phone number") from wrong
    mobile = str(number.national_number)
    if number.country_code == _MEXICO and len(mobile) == 11 and mobile.startswith("1"):
        number.national_number = int(mobile[1:])  # dialled until 2019, and still in many books
    return number


def _check_national(text: str, number: PhoneNumber) -> None:
    """A number without its country has to be one there, and to name its area.

    Where a leading 0 is dialled before the area, one without is of the caller's own town; a mobile
    number has no town.
    """
    country = f"+{number.country_code}"
    if not phonenumbers.is_valid_number(number):
        raise ValueError(f"is no phone number of {country}; another country's needs its code")
    region = phonenumbers.region_code_for_number(number) or ""
    without_plus = CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN
    named = text.lstrip("( ").startswith("0") or number.country_code_source == without_plus
    is_mobile = phonenumbers.number_type(number) == PhoneNumberType.MOBILE
    if phonenumbers.ndd_prefix_for_region(region, True) == "0" and not (named or is_mobile):
        raise ValueError(f"needs its area code, or its country code, such as {country}")


@lru_cache(maxsize=256)
def _region_of(house_phone: str) -> str | None:
    if not house_phone.startswith("+"):
        return None
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(house_phone))
    except phonenumbers.NumberParseException:
        return None
