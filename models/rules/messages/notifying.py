"""Notifications: the messages that a move creates, their channels, and when reminders are due.

The messages of a guest follow from the history and from the current contact: `due` gives the last
message that each channel must have received, and the reminders that belong to it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from models.rules.reservations.contact_edits import ADDED, CHANNELS, EDITED_REASON, contact_marks
from models.rules.reservations.lifecycle import HERE, Status


class Kind(StrEnum):
    """The subject of a message."""

    #: the table is held; the staff have yet to approve the request
    REQUESTED = "requested"
    CONFIRMATION = "confirmation"
    WAITLISTED = "waitlisted"
    DECLINED = "declined"
    CHANGED = "changed"
    CHANGE_REFUSED = "change_refused"
    CANCELLED = "cancelled"
    REMINDER = "reminder"
    LINK = "link"
    #: the link to the guest's table, sent because somebody asked for a second table
    ALREADY_BOOKED = "already_booked"
    #: to the contact that the reservation had before
    CONTACT_CHANGED = "contact_changed"
    #: to a party on the list at the door: its table is ready
    TABLE_READY = "table_ready"


#: The message for a move into this state.
TOLD: dict[Status, Kind] = {
    Status.CONFIRMED: Kind.CONFIRMATION,
    Status.WAITLISTED: Kind.WAITLISTED,
    Status.DECLINED: Kind.DECLINED,
    Status.EXPIRED: Kind.DECLINED,
    Status.CANCELLED: Kind.CANCELLED,
}

#: Reasons of moves that have another message, or none.
CHANGED_REASON = "changed"
REFUSED_REASON = "change_refused"
#: Another table: guests are not told their table.
RESEATED_REASON = "re_seated"
#: The staff gave the party these tables, exchanged them with another party's, or locked them.
ASSIGNED_REASON = "assigned"
SWAPPED_REASON = "swapped"
LOCKED_REASON = "locked"
UNLOCKED_REASON = "unlocked"
_OF_TABLES = frozenset({ASSIGNED_REASON, SWAPPED_REASON, LOCKED_REASON, UNLOCKED_REASON})
#: The staff made the turn longer or shorter.
TURN_REASON = "turn_changed"
#: Moved back to the wall time that the guest was given, after new zone rules had shifted it.
REANCHORED_REASON = "reanchored"
#: The guest has confirmed by the link; the message of the current state is sent.
PROVED_REASON = "proved"
#: The guest has not confirmed by the link in time.
UNPROVED_REASON = "unproved"
#: A request that holds its table and waits for the staff's approval; the staff approved it,
#: declined it, or did not answer in time.
TO_APPROVE_REASON = "to_approve"
APPROVED_REASON = "approved"
NOT_APPROVED_REASON = "not_approved"
UNANSWERED_REASON = "unanswered"
#: A step was undone. The messages of an undone cancellation had not gone: nobody is notified.
UNDONE_REASON = "taken_back"
#: A cancellation was undone whose message had gone: the guest is told what holds again.
STANDS_REASON = "stands_again"
#: The same of a request that waits for approval: cancelled or declined, and undone.
WAITS_REASON = "waits_again"
UNDO_REASONS = frozenset({UNDONE_REASON, STANDS_REASON, WAITS_REASON})
#: On the list at the door: joined it (a message), called to a table (its own message), not there in
#: time, passed over, of another size, left by itself, left over when the list ended (no message).
JOINED_REASON = "door"
READY_REASON = "table_ready"
MISSED_REASON = "ready_missed"
PASSED_REASON = "passed_over"
RESIZED_REASON = "resized"
LEFT_REASON = "left"
LIST_OVER_REASON = "list_over"
DOOR_REASONS = frozenset(
    {READY_REASON, MISSED_REASON, PASSED_REASON, RESIZED_REASON, LEFT_REASON, LIST_OVER_REASON}
)
#: What the stand learns of a party, and no guest sees: it runs late, more of it have come, details,
#: what it spent.
LATE_REASON = "running_late"
MORE_REASON = "more_arrived"
DETAILS_REASON = "details"
SPEND_REASON = "spend"
LEARNED_REASONS = frozenset({LATE_REASON, MORE_REASON, DETAILS_REASON, SPEND_REASON})
UNTOLD_REASONS = LEARNED_REASONS | frozenset(
    {UNDONE_REASON, EDITED_REASON, RESEATED_REASON, REANCHORED_REASON, *DOOR_REASONS}
)
UNTOLD_REASONS |= _OF_TABLES | {TURN_REASON}
#: Moves that a guest does not see at all: other tables.
UNSEEN_REASONS = LEARNED_REASONS | _OF_TABLES | frozenset({RESEATED_REASON, "moved", PASSED_REASON})

#: State of a message that is not to be sent (the staff tell the guest, or another message does).
#: Its row stays.
NOT_WANTED = {"state": "skipped", "error": "not_wanted"}

#: Messages created not by a move, but by the clock, the staff, or a request for a second table.
UNMOVED = frozenset({Kind.REMINDER, Kind.LINK, Kind.ALREADY_BOOKED, Kind.TABLE_READY})

#: Reasons of moves that have their own message.
_OWN_KIND = {REFUSED_REASON: Kind.CHANGE_REFUSED, TO_APPROVE_REASON: Kind.REQUESTED}
_OWN_KIND[WAITS_REASON] = Kind.REQUESTED

#: Messages that reminders belong to.
REMINDED = frozenset({Kind.CONFIRMATION, Kind.CHANGED})

#: A reservation younger than this when a reminder is due needs no reminder.
FRESH = timedelta(hours=1)


class Step(NamedTuple):
    """One move of a history, reduced to the fields that decide about messages."""

    after: Status
    reason: str
    revision: int
    at: datetime


class StepMessage(NamedTuple):
    """A step with a message, and the channels of that message."""

    step: Step
    kind: Kind
    by: tuple[str, ...]


class Due(NamedTuple):
    """One message that a guest has received or will receive."""

    revision: int
    kind: Kind
    channel: str
    variant: int


def step_messages(history: Sequence[Step], by: Iterable[str]) -> list[StepMessage]:
    """The messages of this history, in order, for a guest whose current channels are `by`.

    A channel that an edit added or replaced gets the current state immediately; the old contact of
    a channel that an edit replaced or dropped gets a last message, CONTACT_CHANGED. An edit without
    marks (of an earlier release) does not describe the contact: it counts as if the contact was the
    same before.
    """
    found: list[StepMessage] = []
    for step, marks, now in _back(history, by):
        kind = kind_for(step.after, step.reason)
        heard = {channel for channel in now if not marks or channel in marks}
        if kind is not None and heard:
            found.append(StepMessage(step, kind, _sorted(heard)))
        left = {channel for channel, mark in marks.items() if mark != ADDED}
        if left and step.after in TOLD:
            found.append(StepMessage(step, Kind.CONTACT_CHANGED, _sorted(left)))
    return found[::-1]


def channels_before(history: Sequence[Step], by: Iterable[str]) -> frozenset[str]:
    """The guest's channels before these steps, where `by` are the channels after them."""
    found = frozenset(by)
    for _step, marks, now in _back(history, by):
        found = _undone(now, marks)
    return found


def _back(
    history: Sequence[Step], by: Iterable[str]
) -> Iterator[tuple[Step, dict[str, str], frozenset[str]]]:
    """Each step from last to first, its changes to the contact, and the channels after it."""
    now = frozenset(by)
    for step in reversed(history):
        marks = contact_marks(step.reason)
        yield step, marks, now
        now = _undone(now, marks)


def _undone(now: frozenset[str], marks: Mapping[str, str]) -> frozenset[str]:
    added = {channel for channel, mark in marks.items() if mark == ADDED}
    return (now | marks.keys()) - added


def due(
    history: Sequence[Step],
    by: Iterable[str],
    *,
    starts_at: datetime,
    offsets: tuple[int, ...],
) -> frozenset[Due]:
    """The last message on each channel of the current contact, and the reminders that belong to it.

    Any other message belongs to the past: sent, void, or addressed to another contact. `starts_at`
    is the current start; `offsets` are the reminders in minutes before it. A cancellation that was
    undone before its message went is left out: what was told before it holds.
    """
    found: set[Due] = set()
    for message in step_messages(_without_untold_cancellations(history), by):
        if message.kind in (Kind.CHANGE_REFUSED, Kind.CONTACT_CHANGED):
            continue
        found = {each for each in found if each.channel not in message.by}
        for channel in message.by:
            revision = message.step.revision
            found.add(Due(revision, message.kind, channel, 0))
            if message.kind in REMINDED:
                found |= {
                    Due(revision, Kind.REMINDER, channel, minutes)
                    for minutes in reminded(offsets, starts_at=starts_at, now=message.step.at)
                }
    now = set(by)
    return frozenset(each for each in found if each.channel in now)


def _without_untold_cancellations(history: Sequence[Step]) -> list[Step]:
    kept: list[Step] = []
    for step in history:
        is_undo = step.reason == UNDONE_REASON
        if is_undo and kept and kept[-1].after in (Status.CANCELLED, Status.DECLINED):
            kept.pop()
        kept.append(step)
    return kept


def reminded(offsets: tuple[int, ...], *, starts_at: datetime, now: datetime) -> list[int]:
    """The reminders (minutes before the start) that make sense for a message created at `now`.

    A reminder is left out unless `now` is more than an hour before it is due.
    """
    return [
        minutes
        for minutes in dict.fromkeys(offsets)
        if starts_at - timedelta(minutes=minutes) - FRESH > now
    ]


def _sorted(by: Collection[str]) -> tuple[str, ...]:
    return tuple(channel for channel in CHANNELS if channel in by)


def kind_for(after: Status, reason: str) -> Kind | None:
    """The message that a recorded move (its new state and reason) must have created, if any."""
    if contact_marks(reason):
        return TOLD.get(after)
    if reason == CHANGED_REASON:
        return None if after in HERE else Kind.CHANGED  # who is here needs no message
    if reason in _OWN_KIND:
        return _OWN_KIND[reason]
    if reason in UNTOLD_REASONS:
        return None
    return TOLD.get(after)


def channels(*, email: bool, phone: bool) -> tuple[str, ...]:
    """The channels by which a guest can be reached: one for each kind of contact given."""
    return (("email",) if email else ()) + (("sms",) if phone else ())
