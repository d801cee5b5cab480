"""Telling: which messages a move makes, on which channels, and when reminders are due."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from models.rules.lifecycle import Status


class Kind(StrEnum):
    """What a message is about."""

    CONFIRMATION = "confirmation"
    WAITLISTED = "waitlisted"
    DECLINED = "declined"
    CHANGED = "changed"
    CHANGE_REFUSED = "change_refused"
    CANCELLED = "cancelled"
    REMINDER = "reminder"
    LINK = "link"


#: What a guest is told when a reservation moves into this state.
TOLD: dict[Status, Kind] = {
    Status.CONFIRMED: Kind.CONFIRMATION,
    Status.WAITLISTED: Kind.WAITLISTED,
    Status.DECLINED: Kind.DECLINED,
    Status.EXPIRED: Kind.DECLINED,
    Status.CANCELLED: Kind.CANCELLED,
}

#: Moves whose reason says that they are told in another way, or not at all.
CHANGED_REASON = "changed"
REFUSED_REASON = "change_refused"
#: Another table, of which guests know nothing.
RESEATED_REASON = "re_seated"
UNTOLD_REASONS = frozenset({"taken_back", "edited", RESEATED_REASON})
#: Moves of which a guest sees nothing at all: other tables.
UNSEEN_REASONS = frozenset({RESEATED_REASON, "moved"})

#: A message that the staff did not want to be sent: its row says so, and stays.
NOT_WANTED = {"state": "skipped", "error": "not_wanted"}

#: Messages that no move makes: the clock does, or the staff.
UNMOVED = frozenset({Kind.REMINDER, Kind.LINK})

#: What a guest is reminded of.
REMINDED = frozenset({Kind.CONFIRMATION, Kind.CHANGED})

#: A reservation younger than this at the reminder's hour needs none.
FRESH = timedelta(hours=1)


def kind_told(after: Status, reason: str) -> Kind | None:
    """The message that a recorded move (its new state and reason) must have made, if any."""
    if reason == CHANGED_REASON:
        return Kind.CHANGED
    if reason == REFUSED_REASON:
        return Kind.CHANGE_REFUSED
    if reason in UNTOLD_REASONS:
        return None
    return TOLD.get(after)


#: Every way in which guests are told.
CHANNELS = ("email", "sms")


def channels(*, email: bool, phone: bool) -> tuple[str, ...]:
    """How this guest can be reached: by everything they gave."""
    return (("email",) if email else ()) + (("sms",) if phone else ())


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
    """Rows of `messages` for each reminder (minutes before the start) that makes sense.

    Left out when the booking is newer than the reminder's hour and one hour more.
    """
    rows = []
    for minutes in dict.fromkeys(offsets):
        due = starts_at - timedelta(minutes=minutes)
        if due - FRESH > now:
            rows += [
                _row(
                    Kind.REMINDER,
                    channel,
                    restaurant_id,
                    reservation_id,
                    revision,
                    minutes,
                    due,
                    now,
                )
                for channel in by
            ]
    return rows


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
