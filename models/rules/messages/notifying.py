"""Telling: which messages a move makes, on which channels, and when reminders are due.

What a guest is told is worked out from the history and from the contact as it is now: `due` says
what each channel must have heard last, and which reminders belong to it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from models.rules.reservations.contact_edits import ADDED, CHANNELS, EDITED_REASON, contact_marks
from models.rules.reservations.lifecycle import Status


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
    #: the link to a table, because a second one was asked for
    ALREADY_BOOKED = "already_booked"
    #: to the contact that the reservation had before
    CONTACT_CHANGED = "contact_changed"


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
#: It comes again at the wall time that was told, which new zone rules had moved.
REANCHORED_REASON = "reanchored"
#: Its guest has confirmed it by the link: what was held is told as what stands.
PROVED_REASON = "proved"
#: Nobody has.
UNPROVED_REASON = "unproved"
UNTOLD_REASONS = frozenset({"taken_back", EDITED_REASON, RESEATED_REASON, REANCHORED_REASON})
#: Moves of which a guest sees nothing at all: other tables.
UNSEEN_REASONS = frozenset({RESEATED_REASON, "moved"})

#: A message that was not wanted (the staff tell it, or another one does): its row stays.
NOT_WANTED = {"state": "skipped", "error": "not_wanted"}

#: Messages that no move makes: the clock does, the staff, or whoever asks for a second table.
UNMOVED = frozenset({Kind.REMINDER, Kind.LINK, Kind.ALREADY_BOOKED})

#: What a guest is reminded of.
REMINDED = frozenset({Kind.CONFIRMATION, Kind.CHANGED})

#: A reservation younger than this at the reminder's hour needs none.
FRESH = timedelta(hours=1)


class Step(NamedTuple):
    """One move of a history, as far as it matters to what is told."""

    after: Status
    reason: str
    revision: int
    at: datetime


class Telling(NamedTuple):
    """A step that is told, and on which channels."""

    step: Step
    kind: Kind
    by: tuple[str, ...]


class Due(NamedTuple):
    """One message that a guest has had, or will have."""

    revision: int
    kind: Kind
    channel: str
    variant: int


def tellings(history: Sequence[Step], by: Iterable[str]) -> list[Telling]:
    """What must be told of this history, in order, when the guest is reached `by` these now.

    A channel that an edit added or replaced is told the state at once; one that it replaced or
    dropped hears that it is no longer written to. An edit without marks (of an earlier release)
    says nothing of the contact: it counts as if it had been the same before.
    """
    found: list[Telling] = []
    for step, marks, now in _back(history, by):
        kind = kind_told(step.after, step.reason)
        heard = {channel for channel in now if not marks or channel in marks}
        if kind is not None and heard:
            found.append(Telling(step, kind, _sorted(heard)))
        left = {channel for channel, mark in marks.items() if mark != ADDED}
        if left and step.after in TOLD:
            found.append(Telling(step, Kind.CONTACT_CHANGED, _sorted(left)))
    return found[::-1]


def channels_before(history: Sequence[Step], by: Iterable[str]) -> frozenset[str]:
    """How a guest could be reached before these steps, who is reached `by` these after them."""
    found = frozenset(by)
    for _step, marks, now in _back(history, by):
        found = _undone(now, marks)
    return found


def _back(
    history: Sequence[Step], by: Iterable[str]
) -> Iterator[tuple[Step, dict[str, str], frozenset[str]]]:
    """Each step from the last to the first, what it did to the contact, the channels after it."""
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
    """What the contact of now has been told last on each channel, and the reminders to that.

    A message is one of these, or it is of the past: told, void, or to another contact.
    `starts_at` is the start as it is now, `offsets` are the reminders' minutes before it.
    """
    found: set[Due] = set()
    for telling in tellings(history, by):
        if telling.kind in (Kind.CHANGE_REFUSED, Kind.CONTACT_CHANGED):
            continue
        found = {each for each in found if each.channel not in telling.by}
        for channel in telling.by:
            revision = telling.step.revision
            found.add(Due(revision, telling.kind, channel, 0))
            if telling.kind in REMINDED:
                found |= {
                    Due(revision, Kind.REMINDER, channel, minutes)
                    for minutes in reminded(offsets, starts_at=starts_at, now=telling.step.at)
                }
    now = set(by)
    return frozenset(each for each in found if each.channel in now)


def reminded(offsets: tuple[int, ...], *, starts_at: datetime, now: datetime) -> list[int]:
    """Which reminders (minutes before the start) make sense for what is told now.

    Left out when that is newer than the reminder's hour and one hour more.
    """
    return [
        minutes
        for minutes in dict.fromkeys(offsets)
        if starts_at - timedelta(minutes=minutes) - FRESH > now
    ]


def _sorted(by: Collection[str]) -> tuple[str, ...]:
    return tuple(channel for channel in CHANNELS if channel in by)


def kind_told(after: Status, reason: str) -> Kind | None:
    """The message that a recorded move (its new state and reason) must have made, if any."""
    if contact_marks(reason):
        return TOLD.get(after)
    if reason == CHANGED_REASON:
        return Kind.CHANGED
    if reason == REFUSED_REASON:
        return Kind.CHANGE_REFUSED
    if reason in UNTOLD_REASONS:
        return None
    return TOLD.get(after)


def channels(*, email: bool, phone: bool) -> tuple[str, ...]:
    """How this guest can be reached: by everything they gave."""
    return (("email",) if email else ()) + (("sms",) if phone else ())
