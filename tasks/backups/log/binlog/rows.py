"""Converts the JSON columns of rows in MySQL's binary log to text, their type in MariaDB."""

from collections.abc import Iterator
from typing import Final

from tasks.backups.faults import BackupFailed
from tasks.backups.log.binlog.binary_json import text_of

_JSON, _BLOB = 245, 252
_VARCHAR, _BIT, _DECIMAL, _ENUM, _SET, _VAR_STRING, _STRING = 15, 16, 246, 247, 248, 253, 254
#: Column type -> bytes of a value.
_FIXED: Final = {1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 7: 4, 8: 8, 9: 3, 10: 3, 11: 3, 12: 8, 13: 1, 14: 3}
#: Times with fractions of a second: column type -> bytes without the fraction.
_TIMES: Final = {17: 4, 18: 5, 19: 3}
#: Types whose value starts with its length, in a number of bytes that the table map gives.
_LONG: Final = frozenset({242, _JSON, 249, 250, 251, _BLOB, 255})
_ONE_BYTE_ABOUT: Final = frozenset({4, 5, *_TIMES, *_LONG})
_TWO_BYTES_ABOUT: Final = frozenset({_VARCHAR, _BIT, _DECIMAL, _ENUM, _SET, _VAR_STRING, _STRING})
#: Bytes for the digits of a decimal beyond full groups of nine.
_LEFT_OVER: Final = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
#: Events with each row before and after; and events of version 2, which have extra data.
_UPDATES: Final = frozenset({24, 31})
_SECOND: Final = frozenset({30, 31, 32})
#: Bytes of the table's number and the flags.
_HEAD: Final = 8


class Table:
    """A table map event, which precedes the rows of a table: the types of its columns."""

    def __init__(self, body: bytes) -> None:
        place = _HEAD
        for _name in ("database", "table"):
            place += body[place] + 2
        count, place = _packed(body, place)
        kinds = body[place : place + count]
        length, about = _packed(body, place + count)
        self.columns = list(_columns(kinds, body[about : about + length]))
        self.has_json = _JSON in kinds
        nullable = about + length + (count + 7) // 8
        as_text = bytes(_BLOB if kind == _JSON else kind for kind in kinds)
        #: the event's body for MariaDB, without the optional metadata, which it does not need
        self.as_text = body[:place] + as_text + body[place + count : nullable]


def _columns(kinds: bytes, about: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    for kind in kinds:
        size = 1 if kind in _ONE_BYTE_ABOUT else 2 if kind in _TWO_BYTES_ABOUT else 0
        yield kind, about[place : place + size]
        place += size


def with_text(table: Table, kind: int, body: bytes) -> bytes:
    """Return a row event's body with JSON as text. Raises BackupFailed for unknown types."""
    place = _HEAD
    if kind in _SECOND:
        place += int.from_bytes(body[place : place + 2], "little")
    count, place = _packed(body, place)
    wide = (count + 7) // 8
    images = 2 if kind in _UPDATES else 1
    present = [_chosen(table, body[place + wide * one :]) for one in range(images)]
    place += wide * images
    parts = [body[:place]]
    while place < len(body):
        for columns in present:
            place = _image(columns, body, place, parts)
    return b"".join(parts)


def _chosen(table: Table, bits: bytes) -> list[tuple[int, bytes]]:
    return [one for number, one in enumerate(table.columns) if _is_set(bits, number)]


def _is_set(bits: bytes, number: int) -> bool:
    return bool(bits[number >> 3] >> (number & 7) & 1)


def _image(columns: list[tuple[int, bytes]], body: bytes, place: int, parts: list[bytes]) -> int:
    """Append one row, which starts at `place`, to `parts`; return its end."""
    missing = body[place : place + (len(columns) + 7) // 8]
    kept, place = place, place + len(missing)
    for number, (kind, about) in enumerate(columns):
        if _is_set(missing, number):
            continue
        end = place + _size(kind, about, body, place)
        if kind == _JSON:
            text = text_of(body[place + about[0] : end])
            parts += [body[kept:place], len(text).to_bytes(about[0], "little"), text]
            kept = end
        place = end
    parts.append(body[kept:place])
    return place


def _size(kind: int, about: bytes, body: bytes, place: int) -> int:
    """Return the number of bytes of a value, including its length prefix."""
    if kind in _FIXED:
        return _FIXED[kind]
    if kind in _TIMES:
        return _TIMES[kind] + (about[0] + 1) // 2
    if kind in _LONG:
        return about[0] + int.from_bytes(body[place : place + about[0]], "little")
    if kind in (_VARCHAR, _VAR_STRING):
        return _prefixed(int.from_bytes(about, "little"), body, place)
    if kind == _DECIMAL:
        whole = about[0] - about[1]
        return sum(digits // 9 * 4 + _LEFT_OVER[digits % 9] for digits in (whole, about[1]))
    if kind == _BIT:
        return about[1] + (about[0] > 0)
    if kind == _STRING:
        if about[0] in (_ENUM, _SET):
            return about[1]
        return _prefixed(about[1] | ((about[0] & 0x30 ^ 0x30) << 4), body, place)
    raise BackupFailed(f"the log holds a column of kind {kind}, which cannot be replayed")


def _prefixed(most: int, body: bytes, place: int) -> int:
    width = 1 if most < 256 else 2
    return width + int.from_bytes(body[place : place + width], "little")


def _packed(body: bytes, place: int) -> tuple[int, int]:
    """Return a length-encoded number of the protocol, and its end."""
    first = body[place]
    if first < 251:
        return first, place + 1
    width = {252: 2, 253: 3, 254: 8}[first]
    end = place + 1 + width
    return int.from_bytes(body[place + 1 : end], "little"), end
