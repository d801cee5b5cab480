"""The guest book: what a search text means."""

import re
from dataclasses import dataclass
from typing import Final

from models.rules.guest_names import is_short, words_of

#: The kind of search key of a phone number's end, and how many digits it has.
DIGITS: Final = "digits"
LAST_DIGITS: Final = 4
#: A phone number may be typed with these between its digits.
_PHONE: Final = re.compile(r"[0-9+()/. \-]+\Z")


@dataclass(frozen=True, slots=True)
class SoughtGuest:
    """What to look for; one of the three is set, or none if nothing can be found by the text."""

    email: str = ""
    digits: str = ""
    name: str = ""


def read_search(text: str) -> SoughtGuest:
    """An address has an `@`; four digits or more are the end of a number; the rest is a name."""
    text = text.strip()
    if "@" in text:
        return SoughtGuest(email=text)
    if _PHONE.match(text):
        digits = "".join(letter for letter in text if letter.isdigit())
        return SoughtGuest(digits=digits) if len(digits) >= LAST_DIGITS else SoughtGuest()
    return SoughtGuest(name=text) if words_of(text) else SoughtGuest()


def is_too_short(text: str) -> bool:
    """Whether more has to be typed before the beginning of a name or the end of a number counts."""
    asked = read_search(text)
    return not (asked.email or asked.digits) and is_short(asked.name)


def digits_key_text(phone: str) -> str:
    """The digits of a number that are indexed: the last four."""
    return "".join(letter for letter in phone if letter in "0123456789")[-LAST_DIGITS:]


def ends_with(phone: str, digits: str) -> bool:
    """Whether a number in E.164 ends with these digits; a leading 0 is no part of it."""
    return phone.endswith((digits, digits.lstrip("0") or digits))
