"""GSM-7, the alphabet in which an SMS holds 160 characters instead of 70."""

import unicodedata

#: GSM 03.38: the basic alphabet, and the characters that cost two.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€")
#: Replacements that readers accept for typographic and foreign characters. A single letter beyond
#: the alphabet would turn each SMS of a restaurant into three.
_PLAIN = {
    "’": "'", "‘": "'", "‚": "'", "‛": "'", "ʻ": "'", "ʼ": "'", "′": "'", "´": "'", "`": "'",
    "‹": "'", "›": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "″": '"',
    "–": "-", "—": "-", "‐": "-", "‑": "-", "‒": "-", "―": "-", "−": "-", "·": "-", "•": "-",
    "…": "...", "×": "x", "÷": "/", "⁄": "/", "¦": "/", "°": "o", "©": "(c)", "®": "(R)",
    "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D",
    "þ": "th", "Þ": "Th", "ẞ": "SS", "ı": "i", "ə": "e", "Ə": "E", "ħ": "h", "Ħ": "H",
    "ŧ": "t", "Ŧ": "T", "ŋ": "n", "Ŋ": "N", "ĸ": "k", "ɓ": "b", "Ɓ": "B", "ɗ": "d", "Ɗ": "D",
    "ƙ": "k", "Ƙ": "K", "µ": "u", "¢": "c", "ª": "a",
    # Greek capitals that look like Latin ones; the others are in the alphabet
    "Α": "A", "Β": "B", "Ε": "E", "Ζ": "Z", "Η": "H", "Ι": "I", "Κ": "K", "Μ": "M", "Ν": "N",
    "Ο": "O", "Ρ": "P", "Τ": "T", "Υ": "Y", "Χ": "X",
}  # fmt: skip


def fold(text: str) -> str:
    """Return the text with each character that GSM-7 lacks replaced by its plain form.

    Characters without a plain form (another script) stay; the message is then sent as Unicode.
    """
    return "".join(
        letter if letter in _BASIC or letter in _EXTENDED else _plain(letter) for letter in text
    )


def _plain(letter: str) -> str:
    known = _PLAIN.get(letter)
    if known is not None:
        return known
    if letter.isspace():
        return " "
    bare = "".join(
        _PLAIN.get(part, part)
        for part in unicodedata.normalize("NFKD", letter)
        if not unicodedata.combining(part)
    )
    return bare if bare and all(part in _BASIC for part in bare) else letter


def is_gsm7(text: str) -> bool:
    """Whether GSM-7 can encode the whole text, so that it need not be sent as Unicode."""
    return all(letter in _BASIC or letter in _EXTENDED for letter in text)


def beyond_gsm7(text: str) -> str:
    """Return the letters of the text that have no form in GSM-7, once each."""
    return "".join(dict.fromkeys(letter for letter in fold(text) if not is_gsm7(letter)))


def segments(text: str) -> int:
    """Return how many SMS the text costs.

    One holds 160 septets or 70 UTF-16 units; each segment of a joined one holds 153 or 67.
    """
    if is_gsm7(text):
        units, alone, joined = sum(2 if letter in _EXTENDED else 1 for letter in text), 160, 153
    else:
        units, alone, joined = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if units <= alone else -(-units // joined)
