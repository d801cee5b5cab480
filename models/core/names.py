"""People's names: which characters are retained, and whether a text is a name at all."""

import unicodedata
from typing import Final

#: Joiners shape the letters beside them in Persian, Sinhala and others, and join emoji.
_JOINERS: Final = frozenset("\u200c\u200d")
#: Characters that can be removed from a name without any loss.
_IDLE: Final = frozenset("\u00ad\u200b\u2060\ufeff")
#: Letters and signs that print as nothing.
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_SEEN: Final = frozenset("LNPS")


def tidy_name(text: str) -> str:
    """The name without removable characters; joiners stay only inside words."""
    if text.isascii():
        return text.strip()
    kept = "".join(letter for letter in text if letter not in _IDLE)
    padded = f" {kept} "
    return "".join(
        letter
        for before, letter, after in zip(padded, kept, padded[2:], strict=False)
        if letter not in _JOINERS or (_joins(before) and _joins(after))
    ).strip()


def is_visible(text: str) -> bool:
    """Whether the text shows anything: a letter, digit or sign that is not blank."""
    return any(unicodedata.category(letter)[0] in _SEEN and letter not in _BLANK for letter in text)


def printed(text: str) -> str:
    """The name on one line without control characters, for a header, greeting or text message.

    A joiner inside a word stays, other invisible marks are removed, the rest becomes a blank.
    """
    return " ".join("".join(map(_shown, tidy_name(text))).split())


def _joins(letter: str) -> bool:
    return not letter.isspace() and unicodedata.category(letter) not in ("Cf", "Cc")


def _shown(letter: str) -> str:
    if letter.isprintable() or letter in _JOINERS:
        return letter
    return "" if unicodedata.category(letter) == "Cf" else " "
