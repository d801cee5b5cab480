"""Check that every reservation's columns are consistent, and that it has the table it holds."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    exists,
    func,
    not_,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.floor import Restaurant
from models.entities.reservations import Assignment, Reservation, ReservationMove
from models.integrity.finding import Finding
from models.integrity.law import Law, breaches
from models.integrity.times import as_text, seconds_between
from models.rules.deciding.board import Reason
from models.rules.messages.notifying import ASSIGNED_REASON, LOCKED_REASON
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.restaurant.policies import STAFF_MAX_PARTY

#: A time this far ahead of the check's clock comes from none of our clocks.
AHEAD: Final = timedelta(days=1)
#: This long after its deadline an unconfirmed table must have been released.
UNCONFIRMED: Final = timedelta(minutes=10)
#: Different clocks, or a wait for a lock, may reverse the order of two times by this much.
DISORDER_SECONDS: Final = 120
#: The text of a time on the grid, from the minute on.
_GRID: Final = tuple(f"{minute:02}:00.000000" for minute in (0, 15, 30, 45))
_MINUTE: Final = 15
#: No restaurant takes bookings further ahead than two years; one more day for time zones.
_WINDOW_SECONDS: Final = 731 * 24 * 3600
SOURCES: Final = frozenset({"online", "staff", "walk_in", "door"})
#: The shortest and the longest turn that the staff may choose, in minutes.
TURNS: Final = (15, 720)
#: Text of a JSON null; an empty JSON column holds NULL or this.
_NOTHING: Final = "null"
REASONS: Final = sorted(reason.value for reason in Reason)

_HOLDING = sorted(status.value for status in HOLDING)
_HERE = [Status.ARRIVED, Status.SEATED]
_NOT_ARRIVED = [Status.REQUESTED, Status.WAITLISTED, Status.CONFIRMED, Status.DECLINED]
_SEATED = [Status.SEATED, Status.FINISHED]
_REFUSED = [Status.WAITLISTED, Status.DECLINED]
_GIVEN = [Status.CONFIRMED, Status.ARRIVED, Status.SEATED, Status.FINISHED, Status.NO_SHOW]


def reservations(session: Session, *, now: datetime, limit: int) -> Iterator[Finding]:
    """Check each reservation's own columns against each other."""
    row = table_of(Reservation)
    laws = [*_request_laws(), *_hour_laws(now), *_visit_laws()]
    yield from breaches(session, "reservation", row.c.id, row.c.id, row, laws, limit=limit)


def without_table(session: Session, *, limit: int) -> Iterator[Finding]:
    """Confirmed, arrived and seated parties without any table."""
    row = Reservation
    query = select(row.id, row.status).where(
        row.status.in_(_HOLDING),
        not_(exists().where(Assignment.reservation_id == row.id)),
        # there it is counted instead
        not_(exists().where(Restaurant.id == row.restaurant_id, Restaurant.covers.is_not(None))),
    )
    for number, status in session.execute(query.limit(limit)):
        yield Finding("no-table", (number,), f"reservation {number} is {status} but has no table")


def off_grid(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a time is not on a quarter-hour."""
    return func.substr(as_text(column), _MINUTE).not_in(_GRID)


def beyond(party_size: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a party size is impossible."""
    return not_(party_size.between(1, STAFF_MAX_PARTY))


def is_in(column: ColumnElement[Any], statuses: Sequence[Status]) -> ColumnElement[bool]:
    """Whether a status is one of these."""
    return column.in_([status.value for status in statuses])


def says(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a JSON column holds a value other than null."""
    return and_(column.is_not(None), func.coalesce(json_text(column), _NOTHING) != _NOTHING)


def json_text(column: ColumnElement[Any]) -> ColumnElement[str]:
    """A JSON column as its stored text, valid or not."""
    return type_coerce(column, String)


def _request_laws() -> list[Law]:
    row = table_of(Reservation).c
    online, status = row.source == "online", row.status
    unreachable = and_(
        row.email_key.is_(None), row.phone_key.is_(None), row.forgotten_at.is_(None), online
    )
    return [
        Law("has an unknown status", status.not_in([each.value for each in Status])),
        Law("has an impossible party size", beyond(row.party_size)),
        Law("does not start on a quarter of an hour", off_grid(row.starts_at)),
        Law("has an unknown source", row.source.not_in(sorted(SOURCES))),
        Law("has pacing_forced but came online", and_(online, row.pacing_forced)),
        Law("came online but has no contact", unreachable),
        Law(
            "is waitlisted without consent to the waitlist",
            and_(status == Status.WAITLISTED, not_(row.waitlist)),
        ),
        Law("has an unknown reason", row.reason.not_in(REASONS)),
        *_confirmation_laws(),
        *_held_laws(),
        *_approval_laws(),
        Law("has an impossible turn_minutes", not_(row.turn_minutes.between(*TURNS))),
        Law(
            "is locked to its tables, but no move says so", and_(row.tables_locked, not_(_locked()))
        ),
        Law("has no revision for its guest", row.revision + row.guest_ahead < 1),
        Law(
            "has a notes_revision that does not exist",
            not_(row.notes_revision.between(1, row.revision)),
        ),
        Law(
            "was refused but has no reason",
            and_(is_in(status, _REFUSED), row.reason.is_(None)),
        ),
        Law(
            "was given a table but has a reason of a refusal",
            and_(is_in(status, _GIVEN), row.reason.is_not(None)),
        ),
        Law(
            "has alternatives but was not declined",
            and_(status != Status.DECLINED, says(row.alternatives)),
        ),
    ]


def _locked() -> ColumnElement[bool]:
    row, move = table_of(Reservation).c, table_of(ReservationMove).c
    reasons = (LOCKED_REASON, ASSIGNED_REASON, "moved")
    return exists().where(move.reservation_id == row.id, move.reason.in_(reasons))


def _confirmation_laws() -> Iterator[Law]:
    """A confirmed contact exists, and was confirmed after the request."""
    row = table_of(Reservation).c
    for proved, key in ((row.email_proved_at, row.email_key), (row.phone_proved_at, row.phone_key)):
        unknown = and_(key.is_(None), row.forgotten_at.is_(None))
        wrong = or_(unknown, _before(proved, row.created_at))
        yield Law(f"has a wrong {proved.name}", and_(proved.is_not(None), wrong))


def _held_laws() -> Iterator[Law]:
    """Only online requests of guests without a confirmed contact await a confirmation."""
    row = table_of(Reservation).c
    stands = or_(row.status != Status.CONFIRMED, row.source != "online")
    proved = or_(row.email_proved_at.is_not(None), row.phone_proved_at.is_not(None))
    yield Law("has confirm_by although it needs no confirmation", _has(stands, row.confirm_by))
    yield Law("has confirm_by although its contact is confirmed", _has(proved, row.confirm_by))
    yield Law("has confirm_by after its start", row.confirm_by > row.starts_at)
    yield Law("has confirm_by before it was created", row.confirm_by < row.created_at)


def _approval_laws() -> Iterator[Law]:
    """Only online requests wait for approval; one cancelled or declined may be brought back."""
    row = table_of(Reservation).c
    stands = or_(
        row.status.not_in([Status.CONFIRMED, Status.CANCELLED, Status.DECLINED]),
        row.source != "online",
    )
    yield Law("has approve_by although it waits for no approval", _has(stands, row.approve_by))
    yield Law("has approve_by after its start", row.approve_by > row.starts_at)
    yield Law("has approve_by before it was created", row.approve_by < row.created_at)


def _hour_laws(now: datetime) -> list[Law]:
    row = table_of(Reservation).c
    status, ahead = row.status, now + AHEAD
    early = seconds_between(row.created_at, row.starts_at) > _WINDOW_SECONDS
    undecided = is_in(status, [Status.REQUESTED, Status.CANCELLED])
    later = (row.forgotten_at, row.email_proved_at, row.phone_proved_at)
    times = (row.created_at, row.decided_at, row.arrived_at, row.seated_at, row.finished_at)
    return [
        Law(
            "was not confirmed in time but still holds its table",
            row.confirm_by < now - UNCONFIRMED,
        ),
        Law(
            "was not approved in time but still holds its table",
            and_(status == Status.CONFIRMED, row.approve_by < now - UNCONFIRMED),
        ),
        Law("ends before it starts", row.ends_at <= row.starts_at),
        Law("was created too long before its start", and_(row.source == "online", early)),
        Law("has a time in the future", or_(*[each > ahead for each in times])),
        Law("is requested but has decided_at", _has(status == Status.REQUESTED, row.decided_at)),
        Law("was decided but has no decided_at", and_(not_(undecided), row.decided_at.is_(None))),
        Law("was decided before it was created", _before(row.decided_at, row.created_at)),
        Law("was erased before it was created", _before(row.forgotten_at, row.created_at)),
        Law(
            "was erased or confirmed at a time in the future",
            or_(*[each > ahead for each in later]),
        ),
    ]


def _visit_laws() -> list[Law]:
    row, move = table_of(Reservation).c, table_of(ReservationMove).c
    status, ended = row.status, row.status == Status.FINISHED
    # the staff may record afterwards that a party came, and an evening's end finishes those left
    sat = not_(
        exists().where(
            move.reservation_id == row.id,
            move.after == Status.FINISHED,
            move.before != Status.SEATED,
        )
    )
    # the staff may record afterwards that a party was here, even one never marked as arrived
    came = or_(is_in(status, _HERE), row.seated_at.is_not(None))
    return [
        Law("arrived but has no arrived_at", and_(came, row.arrived_at.is_(None))),
        Law(
            "has arrived_at but has not arrived", _has(is_in(status, _NOT_ARRIVED), row.arrived_at)
        ),
        Law(
            "is seated but has no seated_at", and_(status == Status.SEATED, row.seated_at.is_(None))
        ),
        Law("is finished but has no seated_at", and_(ended, row.seated_at.is_(None), sat)),
        Law("is finished but has no arrived_at", and_(ended, row.arrived_at.is_(None), sat)),
        Law(
            "has seated_at but is not seated or finished",
            _has(not_(is_in(status, _SEATED)), row.seated_at),
        ),
        Law("is finished but has no finished_at", and_(ended, row.finished_at.is_(None))),
        Law("has finished_at but is not finished", _has(not_(ended), row.finished_at)),
        Law("was seated before it arrived", _before(row.seated_at, row.arrived_at)),
        Law("left before it was seated", _before(row.finished_at, row.seated_at)),
    ]


def _has(where: ColumnElement[bool], column: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(where, column.is_not(None))


def _before(early: ColumnElement[Any], late: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(early < late, seconds_between(early, late) > DISORDER_SECONDS)
