"""E-mail addresses and phone numbers in the one form in which they are kept and looked up.

A guest is found again by a keyed hash of the contact: two spellings of one address or number must
come to the same text before they are hashed.
"""

from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email


def normal_email(value: str) -> str:
    """The address by every rule of the standards, its domain in ASCII. No look-ups.

    Raises ValueError saying what is wrong.
    """
    try:
        found = validate_email(value, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as wrong:
        raise ValueError(f"is not an e-mail address: {str(wrong).rstrip('.')}") from wrong
    return found.ascii_email or found.normalized


@lru_cache(maxsize=4096)
def normal_phone(value: str, house_phone: str) -> str:
    """A phone number in E.164. Without `+` it is read as one of `house_phone`'s country.

    Raises ValueError saying what is wrong.
    """
    region = _region_of(house_phone)
    if region is None and not value.startswith("+"):
        raise ValueError("needs its country code, such as +49")
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException as wrong:
        raise ValueError("is not a phone number") from wrong
    if not phonenumbers.is_possible_number(number):
        raise ValueError("is not a phone number: too short, too long or no such country")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normal_contact(value: str, house_phone: str = "") -> str:
    """An e-mail address (it has an `@`) or a phone number, as it would have been written down.

    Raises ValueError saying what is wrong.
    """
    text = value.strip()
    return normal_email(text) if "@" in text else normal_phone(text, house_phone)


@lru_cache(maxsize=256)
def _region_of(house_phone: str) -> str | None:
    if not house_phone.startswith("+"):
        return None
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(house_phone))
    except phonenumbers.NumberParseException:
        return None
