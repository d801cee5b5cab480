"""Whether a queued message is still valid, waits for the morning, or is retried."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from models.rules.messages.notifying import Kind
from models.rules.messages.sending import (
    BACKOFF,
    MAX_ATTEMPTS,
    TRUE_WHILE,
    Action,
    Standing,
    judge,
    quiet_until,
    retry_at,
)
from models.rules.reservations.lifecycle import Status

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 7, 3, 20, 0, tzinfo=BERLIN)
NOON = datetime(2026, 7, 3, 12, 0, tzinfo=BERLIN).astimezone(UTC)


def standing(kind: str = Kind.CONFIRMATION, status: str = Status.CONFIRMED) -> Standing:
    return Standing(
        kind=kind,
        told_revision=2,
        changed_revision=0,
        status=status,
        starts_at=START.astimezone(UTC),
        ends_at=START.astimezone(UTC) + timedelta(minutes=105),
        zone="Europe/Berlin",
        awaits_approval=kind == Kind.REQUESTED,
    )


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("status", list(Status))
def test_a_message_goes_out_only_while_it_is_true(kind: Kind, status: Status) -> None:
    verdict = judge(standing(kind, status), now=NOON)
    if status in TRUE_WHILE[kind]:
        assert verdict.action is Action.SEND
    else:
        assert (verdict.action, verdict.reason) == (Action.SKIP, "superseded")


def test_while_the_staff_decide_nobody_is_reminded_and_then_nobody_hears_of_the_request() -> None:
    requested, reminder = standing(Kind.REQUESTED), standing(Kind.REMINDER)
    assert judge(replace(requested, awaits_approval=False), now=NOON).reason == "superseded"
    assert judge(replace(reminder, awaits_approval=True), now=NOON).reason == "superseded"


def test_no_reminder_or_confirmation_after_a_cancellation() -> None:
    for kind in (Kind.REMINDER, Kind.CONFIRMATION, Kind.CHANGED):
        assert judge(standing(kind, Status.CANCELLED), now=NOON).action is Action.SKIP
    assert judge(standing(Kind.CANCELLED, Status.CANCELLED), now=NOON).action is Action.SEND


def test_a_kind_of_a_later_release_is_left_alone() -> None:
    assert judge(standing("thanks"), now=NOON).action is Action.SKIP


def test_an_accepted_change_makes_older_reminders_void_and_a_mere_edit_does_not() -> None:
    reminder = standing(Kind.REMINDER)
    assert judge(replace(reminder, changed_revision=3), now=NOON).reason == "superseded"
    assert judge(replace(reminder, changed_revision=2), now=NOON).action is Action.SEND
    assert judge(replace(reminder, changed_revision=1), now=NOON).action is Action.SEND


def test_of_two_changes_the_last_is_told_and_a_confirmation_stays_true() -> None:
    changed = replace(standing(Kind.CHANGED), changed_revision=3)
    assert judge(changed, now=NOON).reason == "superseded"
    confirmation = replace(standing(), changed_revision=3)
    assert judge(confirmation, now=NOON).action is Action.SEND


def test_a_refused_change_is_void_after_a_later_one_was_accepted() -> None:
    """Its alternatives are void, and the guest has the later change."""
    refused = standing(Kind.CHANGE_REFUSED)
    assert judge(replace(refused, changed_revision=3), now=NOON).reason == "superseded"
    assert judge(replace(refused, changed_revision=2), now=NOON).action is Action.SEND
    assert judge(replace(refused, changed_revision=1), now=NOON).action is Action.SEND


def test_what_comes_after_the_event_is_not_sent() -> None:
    start, end = standing().starts_at, standing().ends_at
    assert judge(standing(Kind.REMINDER), now=start).reason == "too_late"
    assert judge(standing(), now=start).action is Action.SEND
    assert judge(standing(), now=end).reason == "too_late"


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 7, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "start", "until"),
    [
        (at(21, 29), START, None),
        (at(21, 30), START, at(8, day=3)),
        (at(0, day=3), START, at(8, day=3)),
        (at(7, 59, day=3), START, at(8, day=3)),
        (at(8, 0, day=3), START, None),
        # breakfast: reminded an hour before, or immediately where that has passed
        (at(5, day=3), at(8, 30, day=3), at(7, 30, day=3)),
        (at(7, 30, day=3), at(8, 30, day=3), None),
        (at(7, 45, day=3), at(8, 30, day=3), None),
        # a late supper after midnight
        (at(21, 45), at(0, 30, day=3), at(23, 30)),
    ],
)
def test_quiet_hours_delay_a_reminder_until_morning_or_an_hour_before(
    now: datetime, start: datetime, until: datetime | None
) -> None:
    assert quiet_until(start, zone="Europe/Berlin", now=now) == until


def test_quiet_hours_are_those_of_the_restaurants_clock() -> None:
    now = datetime(2026, 7, 3, 1, 0, tzinfo=UTC)  # 10:00 in Tokyo
    assert quiet_until(START, zone="Asia/Tokyo", now=now) is None


def test_the_morning_is_right_when_the_clocks_change_in_the_night() -> None:
    night = datetime(2026, 3, 28, 23, 0, tzinfo=BERLIN).astimezone(UTC)
    start = datetime(2026, 3, 29, 20, 0, tzinfo=BERLIN).astimezone(UTC)
    morning = datetime(2026, 3, 29, 6, 0, tzinfo=UTC)  # 08:00 in summer time
    assert quiet_until(start, zone="Europe/Berlin", now=night) == morning


def test_only_reminders_wait_for_the_morning() -> None:
    night = at(23)
    for kind, statuses in TRUE_WHILE.items():
        verdict = judge(standing(kind, next(iter(statuses))), now=night)
        if kind == Kind.REMINDER:
            assert (verdict.action, verdict.until) == (Action.DELAY, at(8, day=3))
        else:
            assert verdict.action is Action.SEND


def test_the_backoff_grows_and_ends() -> None:
    waits = [retry_at(attempts, now=NOON) for attempts in range(1, MAX_ATTEMPTS + 1)]
    assert waits == [*(NOON + wait for wait in BACKOFF), None]
