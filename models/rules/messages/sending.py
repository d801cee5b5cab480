"""Sending: whether to send a queued message, skip it, delay it until morning, or retry it."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from models.rules.messages.notifying import Kind
from models.rules.reservations.lifecycle import HOLDING, OPEN, PACED, Status

#: Local hours in which reminders, and no other messages, are delayed.
QUIET_FROM = time(21, 30)
QUIET_UNTIL = time(8)
#: A reminder is not delayed to later than this long before the start.
LAST_CALL = timedelta(hours=1)

#: Delay after each failed attempt; after the last one the message has failed permanently.
BACKOFF = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
MAX_ATTEMPTS = len(BACKOFF) + 1

#: Message kind -> the reservation states in which the message still holds.
TRUE_WHILE: dict[str, frozenset[str]] = {
    Kind.REQUESTED: frozenset({Status.CONFIRMED}),
    Kind.CONFIRMATION: frozenset({Status.CONFIRMED}),
    Kind.WAITLISTED: frozenset({Status.WAITLISTED}),
    Kind.DECLINED: frozenset({Status.DECLINED, Status.EXPIRED}),
    Kind.CHANGED: frozenset({Status.CONFIRMED, Status.WAITLISTED}),
    # also after the party has come: the request was accepted for a decision, and gets its answer
    Kind.CHANGE_REFUSED: PACED | {Status.WAITLISTED, Status.NO_SHOW},
    Kind.CANCELLED: frozenset({Status.CANCELLED}),
    Kind.REMINDER: frozenset({Status.CONFIRMED}),
    Kind.LINK: frozenset(OPEN | HOLDING),
    Kind.ALREADY_BOOKED: HOLDING,
    # goes to the previous contact, which no longer depends on the reservation
    Kind.CONTACT_CHANGED: frozenset(Status),
    Kind.TABLE_READY: frozenset({Status.WAITLISTED}),
}
#: Kinds made void by a later accepted change: its own message replaces them.
VOID_AFTER_CHANGE = frozenset({Kind.CHANGED, Kind.CHANGE_REFUSED, Kind.REMINDER})


class Action(StrEnum):
    """What to do with a message that is due."""

    SEND = "send"
    SKIP = "skip"
    DELAY = "delay"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An action, with a reason if the message is skipped, or a time if it is delayed."""

    action: Action
    reason: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The current state of a message and its reservation.

    `told_revision`: the revision of the reservation that the message describes. `changed_revision`:
    the revision of the last accepted change, 0 if there was none. An edit of the note alone raises
    neither, so it makes no message void.
    """

    kind: str
    told_revision: int
    changed_revision: int
    status: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    #: the staff have yet to approve the request
    awaits_approval: bool = False


def judge(standing: Standing, *, now: datetime) -> Verdict:
    """Decide to send the message, skip it (`superseded`, `too_late`), or delay it until morning."""
    is_reminder = standing.kind == Kind.REMINDER
    if standing.status not in TRUE_WHILE.get(standing.kind, ()):
        return Verdict(Action.SKIP, "superseded")
    if standing.awaits_approval and is_reminder:
        return Verdict(Action.SKIP, "superseded")
    if standing.kind == Kind.REQUESTED and not standing.awaits_approval:
        return Verdict(Action.SKIP, "superseded")
    if standing.kind in VOID_AFTER_CHANGE and standing.changed_revision > standing.told_revision:
        return Verdict(Action.SKIP, "superseded")
    if now >= (standing.starts_at if is_reminder else standing.ends_at):
        return Verdict(Action.SKIP, "too_late")
    if is_reminder:
        until = quiet_until(standing.starts_at, zone=standing.zone, now=now)
        if until is not None:
            return Verdict(Action.DELAY, until=until)
    return Verdict(Action.SEND)


def quiet_until(starts_at: datetime, *, zone: str, now: datetime) -> datetime | None:
    """When a reminder for this start may be sent; None: now.

    At the end of the quiet hours by the restaurant's clock, but no later than an hour before the
    start: the reminder of a breakfast comes early rather than never.
    """
    local = now.astimezone(ZoneInfo(zone))
    if local.time() >= QUIET_FROM:
        morning = local.date() + timedelta(days=1)
    elif local.time() < QUIET_UNTIL:
        morning = local.date()
    else:
        return None
    wake = datetime.combine(morning, QUIET_UNTIL, tzinfo=local.tzinfo).astimezone(now.tzinfo)
    until = min(wake, starts_at - LAST_CALL)
    return until if until > now else None


def retry_at(attempts: int, *, now: datetime) -> datetime | None:
    """When to retry a message after `attempts` temporary failures; None: no attempts are left."""
    return now + BACKOFF[attempts - 1] if attempts < MAX_ATTEMPTS else None
