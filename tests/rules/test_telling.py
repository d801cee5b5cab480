"""Which messages a move makes: kinds, channels, reminders."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.lifecycle import Status
from models.rules.telling import (
    CHANGED_REASON,
    REFUSED_REASON,
    TOLD,
    UNMOVED,
    UNTOLD_REASONS,
    Kind,
    channels,
    kind_told,
    message_rows,
    reminder_rows,
)
from tests.rules.houses import utc

DINNER = utc("2026-03-06T18:00:00")
BOTH = ("email", "sms")
OFFSETS = st.lists(st.integers(1, 5000), max_size=4).map(tuple)


@pytest.mark.parametrize(
    ("after", "reason", "kind"),
    [
        (Status.CONFIRMED, "decision", Kind.CONFIRMATION),
        (Status.CONFIRMED, "promotion", Kind.CONFIRMATION),
        (Status.WAITLISTED, "full", Kind.WAITLISTED),
        (Status.DECLINED, "pacing", Kind.DECLINED),
        (Status.EXPIRED, "expired", Kind.DECLINED),
        (Status.CANCELLED, "cancellation", Kind.CANCELLED),
        (Status.CANCELLED, "late_cancellation", Kind.CANCELLED),
        (Status.CONFIRMED, CHANGED_REASON, Kind.CHANGED),
        (Status.CONFIRMED, REFUSED_REASON, Kind.CHANGE_REFUSED),
        (Status.WAITLISTED, REFUSED_REASON, Kind.CHANGE_REFUSED),
        (Status.CONFIRMED, "taken_back", None),
        (Status.CONFIRMED, "edited", None),
        (Status.ARRIVED, "arrival", None),
        (Status.SEATED, "seating", None),
        (Status.FINISHED, "finish", None),
        (Status.NO_SHOW, "no_show", None),
    ],
)
def test_what_the_guest_is_told_of_a_move(after: Status, reason: str, kind: Kind | None) -> None:
    assert kind_told(after, reason) is kind


def test_every_kind_but_the_clocks_and_the_staffs_own_is_told_of_some_move() -> None:
    reasons = ["decision", CHANGED_REASON, REFUSED_REASON, *sorted(UNTOLD_REASONS)]
    told = {kind_told(status, reason) for status in Status for reason in reasons}
    assert told == set(Kind) - UNMOVED | {None}
    assert set(TOLD.values()) < set(Kind)


@pytest.mark.parametrize(
    ("email", "phone", "by"),
    [
        (True, True, ("email", "sms")),
        (True, False, ("email",)),
        (False, True, ("sms",)),
        (False, False, ()),
    ],
)
def test_a_guest_is_told_on_everything_they_gave(
    email: bool, phone: bool, by: tuple[str, ...]
) -> None:
    assert channels(email=email, phone=phone) == by


def about(**changes: Any) -> dict[str, Any]:
    return {
        "restaurant_id": 3,
        "reservation_id": 7,
        "revision": 2,
        "by": BOTH,
        "now": DINNER - timedelta(days=4),
    } | changes


def test_a_message_is_a_row_a_channel_due_at_once() -> None:
    rows = message_rows(Kind.CONFIRMATION, **about())
    assert [row["channel"] for row in rows] == list(BOTH)
    now = DINNER - timedelta(days=4)
    assert {key: value for key, value in rows[0].items() if key != "channel"} == {
        "restaurant_id": 3,
        "reservation_id": 7,
        "reservation_revision": 2,
        "kind": "confirmation",
        "variant": 0,
        "state": "queued",
        "due_at": now,
        "attempts": 0,
        "created_at": now,
    }
    assert message_rows(Kind.CONFIRMATION, **about(by=())) == []


def due(offsets: tuple[int, ...], now: datetime, by: tuple[str, ...] = ("sms",)) -> list[datetime]:
    rows = reminder_rows(offsets, starts_at=DINNER, **about(now=now, by=by))
    assert all(row["kind"] == "reminder" for row in rows)
    assert [row["due_at"] for row in rows] == [
        DINNER - timedelta(minutes=row["variant"]) for row in rows
    ]
    return [row["due_at"] for row in rows]


def test_a_guest_is_reminded_the_day_before_and_three_hours_before() -> None:
    day, hours = DINNER - timedelta(days=1), DINNER - timedelta(hours=3)
    assert due((1440, 180), DINNER - timedelta(days=4)) == [day, hours]
    assert due((1440, 180), DINNER - timedelta(days=4), BOTH) == [day, day, hours, hours]


def test_a_booking_newer_than_the_reminders_hour_needs_none() -> None:
    hour, second = timedelta(hours=1), timedelta(seconds=1)
    day = DINNER - timedelta(days=1)
    assert due((1440,), day - hour - second) == [day]
    assert due((1440,), day - hour) == []
    assert due((1440, 180), DINNER - timedelta(hours=2)) == []


@given(OFFSETS, st.integers(0, 6000))
def test_reminders_are_told_apart_and_lie_ahead(offsets: tuple[int, ...], minutes: int) -> None:
    now = DINNER - timedelta(minutes=minutes)
    found = due(offsets, now)
    assert len(found) == len(set(found))
    assert all(now + timedelta(hours=1) < each < DINNER for each in found)
