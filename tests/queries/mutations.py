"""Mutations: wrong values for any column of a hot table, derived from the column's type."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Date, Integer, LargeBinary, String

from models.core.database.transactions import Base
from models.core.database.types import UtcDateTime
from models.entities import (
    Assignment,
    Message,
    Reservation,
    ReservationChange,
    ReservationMove,
    SeatedTable,
    ShiftDay,
    TableOccupancy,
)

#: The tables that hold promises to guests.
HOT: tuple[type[Base], ...] = (
    Reservation,
    ReservationChange,
    ReservationMove,
    Assignment,
    TableOccupancy,
    SeatedTable,
    Message,
    ShiftDay,
)
NOBODY = 999_999_999
Values = Iterator[tuple[str, Any]]


def columns() -> list[tuple[type[Base], str]]:
    """Return every column of the hot tables, read from the mapped classes."""
    return [(entity, column.name) for entity in HOT for column in entity.__table__.columns]


def mutations(column: Column[Any], value: Any, others: dict[str, Any]) -> Values:
    """Yield named wrong values for that column of a row that has `value`.

    `others`: named values of other rows for this column (of another restaurant, of another date, of
    the neighbour).
    """
    yield "null", None  # the database itself refuses null in NOT NULL columns
    yield from _of_type(column, value)
    yield from others.items()


def _of_type(column: Column[Any], value: Any) -> Values:
    kind = column.type
    if isinstance(kind, Boolean):
        yield "flipped", not value
    elif isinstance(kind, JSON):
        yield "unreadable", "[1, {"
        yield "another shape", '{"a": [1]}'
    elif isinstance(kind, UtcDateTime):
        yield from _times(value)
    elif isinstance(kind, Date):
        yield "another date", (value or date(2026, 3, 6)) + timedelta(days=3)
    elif isinstance(kind, Integer):
        yield from (("negative", -5), ("nobody's", NOBODY), ("one more", (value or 0) + 1))
    elif isinstance(kind, LargeBinary):
        yield "damaged", bytes(byte ^ 1 for byte in value or b"x" * 16)
    elif isinstance(kind, String):
        yield from (("empty", ""), ("nonsense", "x?!"))


def _times(value: datetime | None) -> Values:
    base = value or datetime(2026, 3, 6, 18, 7, tzinfo=UTC)
    yield "ten years on", base + timedelta(days=3650)
    yield "ten years back", base - timedelta(days=3650)
    yield "minutes on", base + timedelta(minutes=7)
