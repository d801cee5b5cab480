"""Check that every message is consistent, by itself and with its reservation."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, literal, not_, or_
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.database.types import UtcDateTime
from models.entities.messages import Message
from models.entities.reservations import Reservation, ReservationMove
from models.integrity.checks.reservations import AHEAD, DISORDER_SECONDS
from models.integrity.finding import Finding
from models.integrity.law import Law, breaches
from models.integrity.times import seconds_between
from models.rules.messages.notifying import CHANGED_REASON, UNMOVED, Kind
from models.rules.messages.sending import MAX_ATTEMPTS, TRUE_WHILE

_MINUTE_SECONDS: Final = 60
_STATES: Final = ("queued", "sending", "sent", "failed", "skipped")
#: In minutes: no reminder is planned more than a year before the start.
_VARIANT_MAX: Final = 366 * 24 * 60


def messages(session: Session, *, now: datetime, since: datetime, limit: int) -> Iterator[Finding]:
    """Check each message with its reservation. Messages due before `since` are overdue."""
    said, row = table_of(Message), table_of(Reservation)
    source = said.join(row, row.c.id == said.c.reservation_id)
    laws = [
        Law(
            "belongs to another restaurant than its reservation",
            said.c.restaurant_id != row.c.restaurant_id,
            rule="reference",
        ),
        *_state_laws(now),
        *_late_laws(since),
        *_reminder_laws(now),
        *_skipped_laws(now),
    ]
    yield from breaches(session, "message", said.c.id, row.c.id, source, laws, limit=limit)


def _state_laws(now: datetime) -> list[Law]:
    said, row = table_of(Message).c, table_of(Reservation).c
    no_text = said.channel != "sms"
    sent, sending = said.state == "sent", said.state == "sending"
    unclaimed = or_(said.claim.is_(None), said.attempts < 1)
    untouched = and_(said.claim.is_(None), said.state == "queued", said.kind != Kind.REMINDER)
    return [
        Law(
            "has a variant, but its kind has none",
            _both(said.variant != 0, said.kind.not_in(UNMOVED)),
        ),
        Law("has an impossible variant", _outside(said.variant, 0, _VARIANT_MAX)),
        Law("was sent but has an error", said.error.is_not(None), among=sent),
        Law("was written before its reservation", _long_before(said.created_at, row.created_at)),
        Law("has an impossible number of attempts", _outside(said.attempts, 0, MAX_ATTEMPTS)),
        Law("is being sent but has no claim", unclaimed, among=sending),
        Law("was sent but has no claim", unclaimed, among=sent),
        Law("has sent_at but is not sent", _both(said.sent_at.is_not(None), not_(sent))),
        Law("was sent before it was written", said.sent_at < said.created_at, among=sent),
        Law("was due before it was written", said.due_at < said.created_at),
        Law("was postponed without an attempt", _both(said.due_at != said.created_at, untouched)),
        Law(
            "has a claim that ends far in the future",
            said.claimed_until > now + AHEAD,
            among=sending,
        ),
        Law("has an address in its error", said.error.contains("@")),
        Law(
            "was sent but still stores its recipient",
            said.recipient_sealed.is_not(None),
            among=sent,
        ),
        Law(
            "has a delivery status but is no text message",
            and_(said.delivery.is_not(None), no_text),
        ),
        Law(
            "has a time in the future",
            or_(said.sent_at > now + AHEAD, said.created_at > now + AHEAD),
        ),
    ]


def _late_laws(since: datetime) -> list[Law]:
    said = table_of(Message).c
    waits, ended = said.state.in_(("queued", "sending")), said.state.in_(("failed", "skipped"))
    silent, late = func.coalesce(said.error, "") == "", "message-late"
    return [
        Law("is overdue", and_(said.due_at < since, waits), rule=late),
        Law("ended without a reason", and_(silent, ended), rule=late),
        Law(
            "was sent but has no sent_at",
            said.sent_at.is_(None),
            among=said.state == "sent",
            rule=late,
        ),
        Law("has an unknown state", said.state.not_in(_STATES), rule=late),
    ]


def _reminder_laws(now: datetime) -> list[Law]:
    """Reminders of the party as it stands: none after the start, none too early."""
    said, row = table_of(Message).c, table_of(Reservation).c
    planned = said.variant * _MINUTE_SECONDS
    until = seconds_between(said.due_at, row.starts_at)
    waits = and_(
        said.state == "queued",
        said.kind == Kind.REMINDER,
        row.status.in_(sorted(TRUE_WHILE[Kind.REMINDER])),
    )
    # tested last: nearly no row gets so far
    same = not_(_changed_since())
    early = seconds_between(literal(now, UtcDateTime()), row.starts_at) > planned
    return [
        Law(
            "is a reminder due after the start",
            and_(said.due_at >= row.starts_at, same),
            among=waits,
        ),
        Law("is a reminder due too early", and_(until > planned, same), among=waits),
        Law(
            "is a reminder postponed before it was due",
            and_(until != planned, early, same),
            among=waits,
        ),
    ]


def _skipped_laws(now: datetime) -> list[Law]:
    """Messages that were skipped as no longer true, though they are."""
    said, row, move = table_of(Message).c, table_of(Reservation).c, table_of(ReservationMove).c
    is_true = or_(
        *[
            and_(said.kind == kind, row.status.in_(sorted(statuses)))
            for kind, statuses in TRUE_WHILE.items()
        ]
    )
    moved_since = exists().where(
        move.reservation_id == said.reservation_id, move.revision > said.reservation_revision
    )
    skipped = said.state == "skipped"
    is_reminder = said.kind == Kind.REMINDER
    too_early = or_(
        and_(is_reminder, row.starts_at > now), and_(not_(is_reminder), row.ends_at > now)
    )
    forgotten = row.forgotten_at.is_not(None)
    return [
        Law(
            "was skipped as superseded but still applies",
            and_(said.error == "superseded", is_true, not_(moved_since)),
            rule="message-missing",
            among=skipped,
        ),
        Law(
            "was skipped as too late but is not too late",
            and_(said.error == "too_late", too_early, not_(_changed_since())),
            rule="message-missing",
            among=skipped,
        ),
        Law(
            "was skipped as erased, but its guest is not erased",
            and_(said.error == "erased", not_(forgotten)),
            rule="message-missing",
            among=skipped,
        ),
    ]


def _changed_since() -> ColumnElement[bool]:
    said, move = table_of(Message).c, table_of(ReservationMove).c
    return exists().where(
        move.reservation_id == said.reservation_id,
        move.reason == CHANGED_REASON,
        move.revision > said.reservation_revision,
    )


def _both(one: ColumnElement[bool], other: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(one, other)


def _long_before(early: ColumnElement[Any], late: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(early < late, seconds_between(early, late) > DISORDER_SECONDS)


def _outside(column: ColumnElement[Any], least: int, most: int) -> ColumnElement[bool]:
    return not_(column.between(least, most))
