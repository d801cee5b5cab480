"""Password policy: a minimum length and a minimum strength. Any characters, in any mixture."""

import re
from collections.abc import Iterable
from typing import Final

from zxcvbn import zxcvbn

PASSWORD_MIN: Final = 10
PASSWORD_MAX: Final = 200
#: zxcvbn's score, from 0 to 4: 2 takes more than a million guesses.
_DEGREE: Final = 2
#: zxcvbn reads no more characters; a longer password is not guessed.
_LOOKED_AT: Final = 72
#: Words that are easy to guess here.
_HERE: Final = ("maitred", "restaurant", "reservation")


def weakness(password: str, *, about: Iterable[str] = ()) -> str:
    """The problem with a new password; empty when it is strong enough.

    `about`: text that others know about the account (address, name, restaurants). zxcvbn recognises
    common passwords, words, dates and keyboard patterns; anything built from `about` counts as
    easily guessed, too.
    """
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        return f"must have {PASSWORD_MIN} to {PASSWORD_MAX} characters"
    known = [word for text in about for word in re.split(r"[\W_]+", text) if len(word) > 2]
    found = zxcvbn(password[:_LOOKED_AT], user_inputs=[*_HERE, *about, *known])
    return "" if found["score"] >= _DEGREE else "is too easily guessed: choose a longer one"
