"""Removal of picture metadata: where and by whom a picture was made, and texts.

Works on pictures that `pictures.read_picture` has accepted: their parts are known and complete.
Colour data stays (profiles, gamma); the orientation that a camera notes is removed, too.
"""

from typing import Final

_PNG_HEAD: Final = 8
_PNG_NOTES: Final = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"})
#: of the application segments, JFIF (E0), colour profiles (E2) and Adobe's transform (EE) stay
_JPEG_NOTES: Final = frozenset({0xFE, *range(0xE0, 0xF0)} - {0xE0, 0xE2, 0xEE})
_SCAN: Final = 0xDA
_WEBP_NOTES: Final = frozenset({b"EXIF", b"XMP "})
#: the bits of VP8X that announce EXIF and XMP chunks
_WEBP_SAID: Final = 0x0C


def without_notes(media_type: str, content: bytes) -> bytes:
    """The picture with its metadata removed; the same bytes if it has none."""
    return {"image/png": _png, "image/jpeg": _jpeg, "image/webp": _webp}[media_type](content)


def _png(content: bytes) -> bytes:
    kept, place = [content[:_PNG_HEAD]], _PNG_HEAD
    while place < len(content):
        end = place + 12 + int.from_bytes(content[place : place + 4], "big")
        if content[place + 4 : place + 8] not in _PNG_NOTES:
            kept.append(content[place:end])
        place = end
    return b"".join(kept)


def _jpeg(content: bytes) -> bytes:
    """Remove metadata before the first scan; `_scans` handles the rest."""
    kept, place = [content[:2]], 2
    while place < len(content):
        kind = content[place + 1]
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        if kind == _SCAN:
            return b"".join([*kept, _scans(content, place)])
        if kind not in _JPEG_NOTES:
            kept.append(content[place:end])
        place = end
    return b"".join(kept)


def _scans(content: bytes, place: int) -> bytes:
    """The bytes from the first scan on. Metadata may also stand between two scans."""
    kept, begun = [], place
    while (place := content.find(b"\xff", place)) >= 0 and place + 1 < len(content):
        kind = content[place + 1]
        size = 2 if not _has_length(kind) else 2 + int.from_bytes(content[place + 2 : place + 4])
        if kind in _JPEG_NOTES:
            kept.append(content[begun:place])
            begun = place + size
        place += size
    return b"".join([*kept, content[begun:]])


def _has_length(kind: int) -> bool:
    """Whether a length follows this marker.

    There is none after data (00), fill bytes (FF), restarts (D0 to D7) and the end (D9).
    """
    return kind not in (0x00, 0xFF) and not 0xD0 <= kind <= 0xD9


def _webp(content: bytes) -> bytes:
    kept, place = [], 12
    while place < len(content):
        kind = content[place : place + 4]
        size = int.from_bytes(content[place + 4 : place + 8], "little")
        end = place + 8 + size + size % 2
        part = bytearray(content[place:end])
        if kind == b"VP8X":
            part[8] &= ~_WEBP_SAID & 0xFF
        if kind not in _WEBP_NOTES:
            kept.append(bytes(part))
        place = end
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
