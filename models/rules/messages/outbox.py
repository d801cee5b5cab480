"""Rows of `messages`: one for each channel, and one for each reminder."""

from datetime import datetime, timedelta
from typing import Any

from models.rules.messages.notifying import Kind, reminded


def message_rows(
    kind: Kind,
    *,
    restaurant_id: int,
    reservation_id: int,
    revision: int,
    by: tuple[str, ...],
    now: datetime,
) -> list[dict[str, Any]]:
    """One row of `messages` for each channel, due now."""
    return [
        _row(kind, channel, restaurant_id, reservation_id, revision, 0, now, now) for channel in by
    ]


def reminder_rows(
    offsets: tuple[int, ...],
    *,
    starts_at: datetime,
    restaurant_id: int,
    reservation_id: int,
    revision: int,
    by: tuple[str, ...],
    now: datetime,
) -> list[dict[str, Any]]:
    """Rows of `messages` for each reminder (minutes before the start) that makes sense."""
    return [
        _row(
            Kind.REMINDER,
            channel,
            restaurant_id,
            reservation_id,
            revision,
            minutes,
            starts_at - timedelta(minutes=minutes),
            now,
        )
        for minutes in reminded(offsets, starts_at=starts_at, now=now)
        for channel in by
    ]


def _row(
    kind: Kind,
    channel: str,
    restaurant_id: int,
    reservation_id: int,
    revision: int,
    variant: int,
    due_at: datetime,
    now: datetime,
) -> dict[str, Any]:
    return {
        "restaurant_id": restaurant_id,
        "reservation_id": reservation_id,
        "reservation_revision": revision,
        "kind": kind.value,
        "channel": channel,
        "variant": variant,
        "state": "queued",
        "due_at": due_at,
        "attempts": 0,
        "created_at": now,
    }
