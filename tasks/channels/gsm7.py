"""GSM-7, the alphabet in which an SMS holds 160 characters instead of 70."""

import unicodedata

#: GSM 03.38: the basic alphabet, and the characters that cost two.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€")
#: What typography writes, in the letters of the alphabet.
_PLAIN = {
    "’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "–": "-", "—": "-",
    "…": "...", "·": "-", "`": "'", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d",
}  # fmt: skip


def fold(text: str) -> str:
    """The text with every character that GSM-7 lacks in its plain form, where it has one.

    What has no plain form (another script) stays; the message is then sent as Unicode.
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
        part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part)
    )
    return bare if bare and all(part in _BASIC for part in bare) else letter


def is_gsm7(text: str) -> bool:
    """Whether the text needs no Unicode."""
    return all(letter in _BASIC or letter in _EXTENDED for letter in text)


def segments(text: str) -> int:
    """How many SMS the text costs: 160 septets or 70 UTF-16 units; less when they are joined."""
    if is_gsm7(text):
        units, alone, joined = sum(2 if letter in _EXTENDED else 1 for letter in text), 160, 153
    else:
        units, alone, joined = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if units <= alone else -(-units // joined)
