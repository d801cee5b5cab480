"""Sending: whether a queued message still holds, must wait for the morning, or tries again."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from models.rules.messages.notifying import Kind
from models.rules.reservations.lifecycle import HOLDING, OPEN, PACED, Status

#: Reminders wait while the restaurant's clock is in here; nothing else does.
QUIET_FROM = time(21, 30)
QUIET_UNTIL = time(8)
#: A reminder never waits past this long before the start.
LAST_CALL = timedelta(hours=1)

#: How long a message waits after each failed attempt; then it has failed for good.
BACKOFF = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
MAX_ATTEMPTS = len(BACKOFF) + 1

#: A message is true only while the reservation stands like this.
TRUE_WHILE: dict[str, frozenset[str]] = {
    Kind.CONFIRMATION: frozenset({Status.CONFIRMED}),
    Kind.WAITLISTED: frozenset({Status.WAITLISTED}),
    Kind.DECLINED: frozenset({Status.DECLINED, Status.EXPIRED}),
    Kind.CHANGED: frozenset({Status.CONFIRMED, Status.WAITLISTED}),
    # also whoever came meanwhile: the wish was accepted for deciding, and is answered
    Kind.CHANGE_REFUSED: PACED | {Status.WAITLISTED, Status.NO_SHOW},
    Kind.CANCELLED: frozenset({Status.CANCELLED}),
    Kind.REMINDER: frozenset({Status.CONFIRMED}),
    Kind.LINK: frozenset(OPEN | HOLDING),
    Kind.ALREADY_BOOKED: HOLDING,
    # the contact of before is no part of the reservation, whatever becomes of that
    Kind.CONTACT_CHANGED: frozenset(Status),
}
#: Kinds that a later accepted change makes void: it told the guest itself, or has its own row.
VOID_AFTER_CHANGE = frozenset({Kind.CHANGED, Kind.CHANGE_REFUSED, Kind.REMINDER})


class Action(StrEnum):
    """What to do with a message whose hour has come."""

    SEND = "send"
    SKIP = "skip"
    DELAY = "delay"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An action; why, when it is skipped; until when, when it is delayed."""

    action: Action
    reason: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A message and its reservation as they stand now.

    `told_revision`: the reservation's revision that the message tells of. `changed_revision`:
    that of the last accepted change, 0 when there was none. A mere edit of the note raises
    neither, so it voids nothing.
    """

    kind: str
    told_revision: int
    changed_revision: int
    status: str
    starts_at: datetime
    ends_at: datetime
    zone: str


def judge(standing: Standing, *, now: datetime) -> Verdict:
    """Send it, skip it (`superseded`, `too_late`), or let it wait for the morning."""
    is_reminder = standing.kind == Kind.REMINDER
    if standing.status not in TRUE_WHILE.get(standing.kind, ()):
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
    """When a reminder of this start may go out; None: now.

    The end of the quiet hours by the restaurant's clock, but no later than an hour before the
    start: a guest who comes for breakfast is reminded early rather than never.
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
    """When a message that failed for the time being, `attempts` times so far, tries again.

    None: it has had all its attempts.
    """
    return now + BACKOFF[attempts - 1] if attempts < MAX_ATTEMPTS else None
