"""Names as a search sees them: words in small letters without accents, and their beginnings."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

#: Letters of a word's shortest beginning that is indexed, and of the longest.
SHORTEST: Final = 3
LONGEST: Final = 8
#: Words of one name that are indexed; and words of one search.
WORDS_MOST: Final = 6
#: Scripts of which one letter is a word or a syllable (CJK, kana, Hangul): indexed from the first.
_SYLLABLES: Final = "\u2e80"
_APOSTROPHES: Final = str.maketrans("", "", "'\u2019\u02bc`\u00b4")
#: Written with one letter or with two, depending on the keyboard.
_LONG: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_PLAIN: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)

#: The spellings of one word: `Müller` is found as `muller` and as `mueller`.
Word = frozenset[str]


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[Word, ...]:
    """The words of a name, each with its spellings, in order; at most WORDS_MOST."""
    text = unicodedata.normalize("NFKC", name).casefold().translate(_APOSTROPHES)
    parts = "".join(letter if _is_part(letter) else " " for letter in text).split()
    found = (frozenset(filter(None, (_bare(part), _bare(part.translate(_LONG))))) for part in parts)
    return tuple(word for word in found if word)[:WORDS_MOST]


def beginnings(name: str) -> frozenset[str]:
    """What is indexed for a name: the beginnings of every word; a shorter word as a whole."""
    return frozenset(
        spelling[:length]
        for word in words_of(name)
        for spelling in word
        for length in range(min(_shortest(spelling), len(spelling)), LONGEST + 1)
    )


def sought(text: str) -> tuple[Word, ...]:
    """What is looked up in the index for each word of a search: any of these beginnings."""
    return tuple(frozenset(spelling[:LONGEST] for spelling in word) for word in words_of(text))


def matches(text: str, names: Iterable[str]) -> bool:
    """Whether every word of the search begins a word of these names.

    A word that is too short to be a beginning must be the whole word.
    """
    have = {spelling for name in names for word in words_of(name) for spelling in word}
    return all(
        any(_begins(want, spelling) for want in word for spelling in have)
        for word in words_of(text)
    )


def is_short(text: str) -> bool:
    """Whether no word of the search can be a beginning: it finds whole words alone."""
    return all(len(each) < _shortest(each) for word in words_of(text) for each in word)


def _begins(want: str, word: str) -> bool:
    return word == want if len(want) < _shortest(want) else word.startswith(want)


def _shortest(spelling: str) -> int:
    return 1 if spelling[0] >= _SYLLABLES else SHORTEST


def _is_part(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter)[0] == "M"


def _bare(text: str) -> str:
    """Without accents; Hangul stays whole."""
    apart = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    kept = "".join(letter for letter in apart if unicodedata.category(letter) != "Mn")
    return unicodedata.normalize("NFC", kept)
