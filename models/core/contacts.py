"""E-mail addresses and phone numbers in the normal form in which they are stored and looked up.

Guests are looked up by a keyed hash of the contact, so two spellings of one address or number must
become the same text before they are hashed. A contact stored by an earlier release is already
normal (`normal_...` leaves it as it is), so that its hash still matches.
"""

import re
import unicodedata
from typing import Final

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from models.core.errors import Sentence, sentence
from models.core.phones import last_digits, lookup_phone

#: RFC 5321: maximum lengths of a local part, of a domain, and of a path without its brackets
LOCAL_MAX: Final = 64
DOMAIN_MAX: Final = 255
EMAIL_MAX: Final = 254
EMAIL_LONG: Final = sentence(
    "email_long", "must be an e-mail address of at most {most} characters", most=EMAIL_MAX
)

_PLAIN_EMAIL: Final = re.compile(
    r"[a-z0-9]{1,16}(?:[._+-][a-z0-9]{1,11}){0,4}@(?:[a-z][a-z0-9]{0,40}\.){1,3}[a-z]{2,12}\Z",
    re.ASCII,
)
_SPECIAL_ENDINGS: Final = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)
#: in a domain these are letters: without them it is another domain
_JOINERS: Final = "\u200c\u200d"


def _no_email(why: str) -> Sentence:
    return sentence("no_email", "is not an e-mail address: {why}", why=why)


def clean_email(value: str) -> str:
    """Pasted text without blanks and invisible characters, with full-width letters made plain."""
    if is_plain_email(value):
        return value
    local, at, domain = value.replace("\uff20", "@").rpartition("@")
    kept = "" if domain.isascii() else _JOINERS
    text = f"{_visible(local)}{at}{_visible(domain, kept)}"
    return unicodedata.normalize("NFKC", text).strip()


def normal_email(value: str) -> str:
    """The address, valid by all the standards' rules, with its domain in ASCII. No DNS look-ups.

    Raises ValueError with the reason.
    """
    normal = _read_email(value)
    local, _, domain = normal.rpartition("@")
    for part, most, name in ((local, LOCAL_MAX, "before"), (domain, DOMAIN_MAX, "after")):
        if len(part) > most:
            raise ValueError(_no_email(f"at most {most} characters are allowed {name} the @"))
    if len(normal) > EMAIL_MAX:
        raise ValueError(EMAIL_LONG)
    return normal


def is_plain_email(value: str) -> bool:
    """Whether the address is of the usual kind, which the full check would leave unchanged.

    The full check takes tens of microseconds, on the path of every request.
    """
    return bool(_PLAIN_EMAIL.match(value)) and value.rpartition(".")[2] not in _SPECIAL_ENDINGS


def lookup_contact(value: str, restaurant_phone: str = "") -> str:
    """A contact to look somebody up by. Accepts contacts that are refused today but may be stored.

    An e-mail address has an `@`. Raises ValueError if it is neither an address nor a number.
    """
    text = value.strip()
    if "@" in text:
        return _read_email(text)
    return lookup_phone(text, restaurant_phone)


def rate_limit_key(contact: str) -> str:
    """One key for all spellings of a contact that reach one person: for counting, not for sending.

    An e-mail address without its `+tag`, in small letters; of a phone number the last nine digits,
    which are the same with and without its country code. Other text counts as it is.
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
        raise ValueError(_no_email(str(wrong).rstrip("."))) from wrong
    return found.ascii_email or found.normalized


def _visible(text: str, kept: str = "") -> str:
    return "".join(c for c in text if unicodedata.category(c) != "Cf" or c in kept)
