"""Validation of pictures to store: complete, still, small PNG, JPEG or WebP, by their content.

Every byte is checked, without decoding the image: nothing may stand before, between or after the
parts that the format names, so that no file is a picture and something else as well. SVG is not
accepted: it can contain scripts.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: Below the limit of every request's body, and of MySQL's BLOB.
BYTES_MAX: Final = 60 * 1024
#: A side in pixels: the decoded picture takes at most 16 MB in a browser.
SIDE_MAX: Final = 2048

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_PARTS: Final = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP bKGD hIST pHYs sPLT "
    b"tIME tEXt zTXt iTXt eXIf".split()
)
#: start of frame: baseline, extended, progressive
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
#: tables, restart interval, application data, comment
_JPEG_PARTS: Final = frozenset({0xC4, 0xDB, 0xDD, 0xFE, *range(0xE0, 0xF0)}) | _FRAMES
_SCAN, _END = 0xDA, 0xD9
_WEBP_PARTS: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"EXIF", b"XMP "})

_UNKNOWN: Final = "is animated, or has parts that its format does not define"


@dataclass(frozen=True, slots=True)
class Picture:
    """Type and size in pixels of a picture."""

    media_type: str
    width: int
    height: int


def read_picture(content: bytes) -> Picture:
    """The type and size of a picture. Raises ValueError with the reason why it cannot be stored."""
    if not content:
        raise ValueError("is empty")
    if len(content) > BYTES_MAX:
        raise ValueError(f"must have at most {BYTES_MAX} bytes")
    try:
        picture = _read(content)
    except IndexError:
        raise ValueError("is truncated") from None
    if not (0 < picture.width <= SIDE_MAX and 0 < picture.height <= SIDE_MAX):
        raise ValueError(f"must be at most {SIDE_MAX} pixels wide and high")
    return picture


def _read(content: bytes) -> Picture:
    if content.startswith(_PNG):
        return _png(content)
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp(content)
    raise ValueError("must be a PNG, JPEG or WebP picture")


def _number(content: bytes, start: int, size: int, *, little: bool = False) -> int:
    part = content[start : start + size]
    if len(part) < size:
        raise IndexError
    return int.from_bytes(part, "little" if little else "big")


def _png(content: bytes) -> Picture:
    parts = list(_png_parts(content))
    kinds = [kind for kind, _ in parts]
    header = parts[0][1]
    if kinds[0] != b"IHDR" or kinds.count(b"IHDR") != 1 or len(header) != 13:
        raise ValueError("is a damaged PNG: its header is invalid")
    if b"IDAT" not in kinds:
        raise ValueError("is a damaged PNG: it has no picture")
    return Picture("image/png", _number(header, 0, 4), _number(header, 4, 4))


def _png_parts(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place, kind = len(_PNG), b""
    while kind != b"IEND":
        size = _number(content, place, 4)
        kind = content[place + 4 : place + 8]
        data = content[place + 8 : place + 8 + size]
        if kind not in _PNG_PARTS:
            raise ValueError(_UNKNOWN)
        if _number(content, place + 8 + size, 4) != zlib.crc32(kind + data):
            raise ValueError("is a damaged PNG: a checksum is wrong")
        yield kind, data
        place += 12 + size
    if place != len(content):
        raise ValueError("has data after its end")


def _jpeg(content: bytes) -> Picture:
    place, found = 2, None
    while True:
        if _number(content, place, 1) != 0xFF:
            raise ValueError("is a damaged JPEG")
        kind = _number(content, place + 1, 1)
        if kind == _END:
            break
        if kind not in _JPEG_PARTS and kind != _SCAN:
            raise ValueError("is no JPEG that every browser shows")
        size = _number(content, place + 2, 2)
        if kind in _FRAMES:
            found = _number(content, place + 7, 2), _number(content, place + 5, 2)
        place += 2 + max(size, 2)
        if kind == _SCAN:
            place = _after_scan(content, place)
    if place + 2 != len(content):
        raise ValueError("has data after its end")
    if found is None:
        raise ValueError("is a damaged JPEG: it has no picture")
    return Picture("image/jpeg", *found)


def _after_scan(content: bytes, place: int) -> int:
    """Position of the next marker. 00 and the restarts D0 to D7 belong to the image data."""
    while True:
        place = content.find(b"\xff", place)
        if place < 0:
            raise IndexError
        follows = _number(content, place + 1, 1)
        if follows != 0 and not 0xD0 <= follows <= 0xD7:
            return place
        place += 2


def _webp(content: bytes) -> Picture:
    if _number(content, 4, 4, little=True) + 8 != len(content):
        raise ValueError("is truncated, or has data after its end")
    place, sizes = 12, []
    while place < len(content):
        kind, size = content[place : place + 4], _number(content, place + 4, 4, little=True)
        if kind not in _WEBP_PARTS:
            raise ValueError(_UNKNOWN)
        if place + 8 + size > len(content):
            raise IndexError
        sizes += _webp_size(kind, content[place + 8 : place + 8 + size])
        place += 8 + size + size % 2
    if not sizes:
        raise ValueError("is a damaged WebP: it has no picture")
    return Picture("image/webp", max(size[0] for size in sizes), max(size[1] for size in sizes))


def _webp_size(kind: bytes, data: bytes) -> list[tuple[int, int]]:
    if kind == b"VP8X":
        if _number(data, 0, 1) & 0x02:
            raise ValueError(_UNKNOWN)
        return [(_number(data, 4, 3, little=True) + 1, _number(data, 7, 3, little=True) + 1)]
    if kind == b"VP8L":
        bits = _number(data, 1, 4, little=True)
        return [((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)]
    if kind == b"VP8 ":
        return [
            (_number(data, 6, 2, little=True) & 0x3FFF, _number(data, 8, 2, little=True) & 0x3FFF)
        ]
    return []
