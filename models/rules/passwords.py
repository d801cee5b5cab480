"""What a password must be: neither short nor soon guessed. Any characters, in any mixture."""

import re
from collections.abc import Iterable
from typing import Final

from zxcvbn import zxcvbn

PASSWORD_MIN: Final = 10
PASSWORD_MAX: Final = 200
#: zxcvbn's second of four degrees: more than a million guesses.
_DEGREE: Final = 2
#: zxcvbn looks at no more, and what is longer is not guessed.
_LOOKED_AT: Final = 72
#: What everybody knows of this place.
_HERE: Final = ("maitred", "restaurant", "reservation")


def weakness(password: str, *, about: Iterable[str] = ()) -> str:
    """What is wrong with a new password; empty when it is good enough.

    `about`: what others know of who signs in (address, name, houses). Common passwords, words,
    dates and patterns of the keyboard are known to zxcvbn; what is made of these counts as soon
    guessed too.
    """
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        return f"must have {PASSWORD_MIN} to {PASSWORD_MAX} characters"
    known = [word for text in about for word in re.split(r"[\W_]+", text) if len(word) > 2]
    found = zxcvbn(password[:_LOOKED_AT], user_inputs=[*_HERE, *about, *known])
    return "" if found["score"] >= _DEGREE else "is too easily guessed: take a longer one"
