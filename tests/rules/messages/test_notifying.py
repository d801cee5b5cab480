"""The messages of a transition: kinds, channels, reminders."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.messages.notifying import (
    CHANGED_REASON,
    REFUSED_REASON,
    TO_APPROVE_REASON,
    TOLD,
    UNMOVED,
    UNTOLD_REASONS,
    Due,
    Kind,
    Step,
    channels,
    channels_before,
    due,
    kind_for,
    reminded,
    step_messages,
)
from models.rules.messages.outbox import message_rows, reminder_rows
from models.rules.reservations.contact_edits import contact_marks, edit_reason
from models.rules.reservations.lifecycle import Status
from tests.rules.restaurants import utc

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
        (Status.CONFIRMED, "edited:+sms", Kind.CONFIRMATION),
        (Status.WAITLISTED, "edited:~email", Kind.WAITLISTED),
        (Status.REQUESTED, "edited:~email", None),
        (Status.SEATED, "edited:+email", None),
        (Status.ARRIVED, "arrival", None),
        (Status.SEATED, "seating", None),
        (Status.FINISHED, "finish", None),
        (Status.NO_SHOW, "no_show", None),
    ],
)
def test_what_the_guest_is_told_of_a_move(after: Status, reason: str, kind: Kind | None) -> None:
    assert kind_for(after, reason) is kind


def test_every_kind_but_the_clocks_and_the_staffs_own_is_told_of_some_move() -> None:
    reasons = ["decision", CHANGED_REASON, REFUSED_REASON, TO_APPROVE_REASON]
    reasons += sorted(UNTOLD_REASONS)
    told = {kind_for(status, reason) for status in Status for reason in reasons}
    assert told == set(Kind) - UNMOVED - {Kind.CONTACT_CHANGED} | {None}
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


def hours_of(
    offsets: tuple[int, ...], now: datetime, by: tuple[str, ...] = ("sms",)
) -> list[datetime]:
    rows = reminder_rows(offsets, starts_at=DINNER, **about(now=now, by=by))
    assert all(row["kind"] == "reminder" for row in rows)
    assert [row["due_at"] for row in rows] == [
        DINNER - timedelta(minutes=row["variant"]) for row in rows
    ]
    return [row["due_at"] for row in rows]


def test_a_guest_is_reminded_the_day_before_and_three_hours_before() -> None:
    day, hours = DINNER - timedelta(days=1), DINNER - timedelta(hours=3)
    assert hours_of((1440, 180), DINNER - timedelta(days=4)) == [day, hours]
    assert hours_of((1440, 180), DINNER - timedelta(days=4), BOTH) == [day, day, hours, hours]


def test_a_booking_newer_than_the_reminders_hour_needs_none() -> None:
    hour, second = timedelta(hours=1), timedelta(seconds=1)
    day = DINNER - timedelta(days=1)
    assert hours_of((1440,), day - hour - second) == [day]
    assert hours_of((1440,), day - hour) == []
    assert hours_of((1440, 180), DINNER - timedelta(hours=2)) == []


@given(OFFSETS, st.integers(0, 6000))
def test_reminders_are_told_apart_and_lie_ahead(offsets: tuple[int, ...], minutes: int) -> None:
    now = DINNER - timedelta(minutes=minutes)
    found = hours_of(offsets, now)
    assert len(found) == len(set(found))
    assert all(now + timedelta(hours=1) < each < DINNER for each in found)


# --- messages are a function of the history and of the current contact

Ways = dict[str, str | None]


def confirmed(*reasons: str, days: int = 4) -> list[Step]:
    """A confirmed party and its later events, an hour apart."""
    begin = DINNER - timedelta(days=days)
    return [
        Step(Status.CONFIRMED, reason, 2 + number, begin + timedelta(hours=number))
        for number, reason in enumerate(("decision", *reasons))
    ]


def owed(history: list[Step], by: tuple[str, ...]) -> set[tuple[int, str, str]]:
    """Revision, kind and channel, without the reminders."""
    found = due(history, by, starts_at=DINNER, offsets=(1440, 180))
    reminders = {(each.revision, each.channel) for each in found if each.kind is Kind.REMINDER}
    others = {each for each in found if each.kind is not Kind.REMINDER}
    assert reminders == {(each.revision, each.channel) for each in others}
    return {(each.revision, each.kind.value, each.channel) for each in others}


def test_a_phone_given_instead_of_the_address_is_confirmed_and_reminded() -> None:
    history = confirmed("edited:-email,+sms")
    assert owed(history, ("sms",)) == {(3, "confirmation", "sms")}
    assert [(each.kind, each.by) for each in step_messages(history, ("sms",))] == [
        (Kind.CONFIRMATION, ("email",)),
        (Kind.CONTACT_CHANGED, ("email",)),
        (Kind.CONFIRMATION, ("sms",)),
    ]


def test_a_corrected_address_is_told_and_the_other_channel_is_left_alone() -> None:
    history = confirmed("edited:~email")
    assert owed(history, BOTH) == {(3, "confirmation", "email"), (2, "confirmation", "sms")}


def test_an_address_that_came_late_hears_of_what_holds_now() -> None:
    history = confirmed(CHANGED_REASON, "edited", "edited:+email")
    assert owed(history, BOTH) == {(5, "confirmation", "email"), (3, "changed", "sms")}
    assert channels_before(history, BOTH) == {"sms"}


def test_a_change_tells_everybody_anew() -> None:
    history = confirmed("edited:+sms", CHANGED_REASON, REFUSED_REASON, "edited")
    assert owed(history, BOTH) == {(4, "changed", "email"), (4, "changed", "sms")}


def test_what_an_edit_did_to_the_contact_is_its_reason() -> None:
    nobody: Ways = {}
    ada: Ways = {"email": "a@b.de"}
    both: Ways = {"email": "c@b.de", "sms": "+4930123456"}
    assert edit_reason(nobody, nobody) == edit_reason(both, both) == "edited"
    assert edit_reason(ada, both) == "edited:~email,+sms"
    assert edit_reason(both, nobody) == "edited:-email,-sms"
    assert contact_marks("edited:~email,+sms") == {"email": "~", "sms": "+"}
    assert contact_marks("changed") == contact_marks("edited") == contact_marks("edited:") == {}


WAYS: st.SearchStrategy[Ways] = st.fixed_dictionaries(
    {
        "email": st.sampled_from([None, "a@example.com", "b@example.com"]),
        "sms": st.sampled_from([None, "+4930111111", "+4930222222"]),
    }
)
EVENTS = st.lists(
    st.one_of(WAYS, st.sampled_from(["full", "promotion", CHANGED_REASON, REFUSED_REASON])),
    max_size=8,
)
AFTER = {"full": Status.WAITLISTED, "promotion": Status.CONFIRMED, CHANGED_REASON: Status.CONFIRMED}


@given(WAYS, EVENTS, st.lists(st.integers(60, 60 * 24 * 7), max_size=8))
def test_every_channel_of_now_knows_the_state_of_now(
    contact: Ways, events: list[Any], pauses: list[int]
) -> None:
    """Simulation: each contact stores the messages it got, transition by transition."""
    at, status = DINNER - timedelta(days=60), Status.CONFIRMED
    history = [Step(status, "decision", 2, at)]
    knows: dict[str, tuple[str, Kind, int]] = {
        way: (value, Kind.CONFIRMATION, 2) for way, value in contact.items() if value
    }
    for number, event in enumerate(events):
        at += timedelta(minutes=pauses[number] if number < len(pauses) else 60)
        revision = number + 3
        if isinstance(event, dict):
            reason = edit_reason(contact, event)
            for way, value in event.items():
                if value and value != contact[way]:
                    knows[way] = (value, TOLD[status], revision)
            contact = event
        else:
            reason, status = event, AFTER.get(event, status)
            kind = kind_for(status, reason)
            if kind and kind is not Kind.CHANGE_REFUSED:
                knows |= {way: (value, kind, revision) for way, value in contact.items() if value}
        history.append(Step(status, reason, revision, at))
    by = tuple(way for way, value in contact.items() if value)
    found = due(history, by, starts_at=DINNER, offsets=(1440, 180))
    assert {each for each in found if each.kind is not Kind.REMINDER} == {
        Due(revision, kind, way, 0) for way, (_, kind, revision) in knows.items() if way in by
    }
    for way in by:
        _, kind, revision = knows[way]
        told_at = history[revision - 2].at
        reminders = reminded((1440, 180), starts_at=DINNER, now=told_at)
        wanted = set(reminders) if kind in (Kind.CONFIRMATION, Kind.CHANGED) else set()
        assert {
            each.variant
            for each in found
            if each.kind is Kind.REMINDER and each.channel == way and each.revision == revision
        } == wanted
