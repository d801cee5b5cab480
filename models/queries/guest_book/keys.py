"""The keyed hashes by which the guest book is searched."""

from collections.abc import Iterable
from typing import Final

from models.core.secrets.signing import search_key
from models.rules.guest_book import DIGITS, digits_key_text
from models.rules.guest_names import beginnings

_NAME: Final = "name"


def word_keys(restaurant_id: int, names: Iterable[str]) -> set[bytes]:
    """The keys by which a guest of these names is found."""
    return {name_key(restaurant_id, text) for name in names for text in beginnings(name)}


def name_key(restaurant_id: int, text: str) -> bytes:
    """The key of the beginning of a word."""
    return search_key(restaurant_id, _NAME, text)


def digits_key(restaurant_id: int, phone: str) -> bytes | None:
    """The key of a number's last digits; None if it has none."""
    digits = digits_key_text(phone)
    return search_key(restaurant_id, DIGITS, digits) if digits else None
