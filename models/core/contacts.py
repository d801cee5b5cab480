"""E-mail addresses and phone numbers in the one form in which they are kept and looked up.

A guest is found again by a keyed hash of the contact: two spellings of one address or number must
come to the same text before they are hashed. What was kept by an earlier release is normal here as
well (`normal_...` leaves it as it is), so that its hash still finds it.
"""

import re
import unicodedata
from typing import Final

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from models.core.phones import kept_phone, last_digits

#: RFC 5321: of a local part, of a domain, and of a path without its brackets
LOCAL_MAX: Final = 64
DOMAIN_MAX: Final = 255
EMAIL_MAX: Final = 254

_PLAIN_EMAIL: Final = re.compile(
    r"[a-z0-9]{1,16}(?:[._+-][a-z0-9]{1,11}){0,4}@(?:[a-z][a-z0-9]{0,40}\.){1,3}[a-z]{2,12}\Z",
    re.ASCII,
)
_SPECIAL_ENDINGS: Final = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)
#: in a domain they are letters: who drops them writes to another domain
_JOINERS: Final = "\u200c\u200d"


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


def kept_contact(value: str, restaurant_phone: str = "") -> str:
    """A contact to look somebody up by: one that is refused today may have been kept before.

    An e-mail address has an `@`. Raises ValueError when it can be read as neither.
    """
    text = value.strip()
    if "@" in text:
        return _read_email(text)
    return kept_phone(text, restaurant_phone)


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
    digits = last_digits(contact)
    return f"phone {digits}" if digits else ""


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
