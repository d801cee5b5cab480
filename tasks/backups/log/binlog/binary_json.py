"""Converts MySQL's binary JSON to text."""

import struct
from typing import Any, Final

import orjson

from tasks.backups.faults import BackupFailed

_OBJECTS, _ARRAYS = (0x00, 0x01), (0x02, 0x03)
#: The large variant of each has offsets of four bytes.
_LARGE: Final = frozenset({0x01, 0x03})
_LITERAL, _STRING = 0x04, 0x0C
_LITERALS: Final = (None, True, False)
_NUMBERS: Final = {
    0x05: struct.Struct("<h"),
    0x06: struct.Struct("<H"),
    0x07: struct.Struct("<i"),
    0x08: struct.Struct("<I"),
    0x09: struct.Struct("<q"),
    0x0A: struct.Struct("<Q"),
    0x0B: struct.Struct("<d"),
}
#: Kinds stored in place of their offset: in any container, and in the large ones only.
_SHORT: Final = frozenset({_LITERAL, 0x05, 0x06})
_MIDDLE: Final = frozenset({0x07, 0x08})


def text_of(data: bytes) -> bytes:
    """Return the text of a value. Raises BackupFailed for types not in JSON (a date, a decimal)."""
    # MySQL reads a column that was added without a value as null
    return orjson.dumps(_value(data[0], data, 1)) if data else b"null"


def _value(kind: int, data: bytes, place: int) -> Any:
    if kind in _OBJECTS or kind in _ARRAYS:
        return _container(kind, data, place)
    if kind == _LITERAL:
        return _LITERALS[data[place]]
    if kind in _NUMBERS:
        return _NUMBERS[kind].unpack_from(data, place)[0]
    if kind == _STRING:
        return _string(data, place)
    raise BackupFailed(f"the log holds JSON of kind {kind:#x}, which cannot be replayed")


def _container(kind: int, data: bytes, start: int) -> Any:
    """Read an object or an array, whose offsets count from its start."""
    wide = 4 if kind in _LARGE else 2
    count = _number(data, start, wide)
    place = start + 2 * wide
    keys = []
    if kind in _OBJECTS:
        for _ in range(count):
            at, length = _number(data, place, wide), _number(data, place + wide, 2)
            keys.append(data[start + at : start + at + length].decode())
            place += wide + 2
    values = [_entry(data, start, place + one * (wide + 1), wide) for one in range(count)]
    return dict(zip(keys, values, strict=True)) if kind in _OBJECTS else values


def _entry(data: bytes, start: int, place: int, wide: int) -> Any:
    kind = data[place]
    is_here = kind in _SHORT or (wide == 4 and kind in _MIDDLE)
    return _value(kind, data, place + 1 if is_here else start + _number(data, place + 1, wide))


def _string(data: bytes, place: int) -> str:
    length = shift = 0
    while True:
        part = data[place]
        place += 1
        length |= (part & 0x7F) << shift
        if not part & 0x80:
            return data[place : place + length].decode()
        shift += 7


def _number(data: bytes, place: int, wide: int) -> int:
    return int.from_bytes(data[place : place + wide], "little")
