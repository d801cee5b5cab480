"""Check that the columns of every reservation are consistent."""

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
    type_coerce,
)
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation, ReservationMove
from models.integrity.finding import Finding
from models.integrity.law import Law, breaches
from models.integrity.times import as_text, seconds_between
from models.rules.deciding.board import Reason
from models.rules.reservations.lifecycle import Status
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
SOURCES: Final = frozenset({"online", "staff", "walk_in"})
#: Text of a JSON null; an empty JSON column holds NULL or this.
_NOTHING: Final = "null"
REASONS: Final = sorted(reason.value for reason in Reason)

_HERE = [Status.ARRIVED, Status.SEATED]
_NOT_ARRIVED = [Status.REQUESTED, Status.WAITLISTED, Status.CONFIRMED, Status.DECLINED]
_SEATED = [Status.SEATED, Status.FINISHED]
_REFUSED = [Status.WAITLISTED, Status.DECLINED]
_GIVEN = [Status.CONFIRMED, Status.ARRIVED, Status.SEATED, Status.FINISHED, Status.NO_SHOW]


def reservations(session: Session, *, now: datetime, limit: int) -> Iterator[Finding]:
    """Check each reservation's own columns against each other."""
    row = table_of(Reservation)
    laws = [*_wish_laws(), *_hour_laws(now)]
    yield from breaches(session, "reservation", row.c.id, row.c.id, row, laws, limit=limit)


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


def _wish_laws() -> list[Law]:
    row = table_of(Reservation).c
    online, status = row.source == "online", row.status
    unreachable = and_(
        row.email_key.is_(None), row.phone_key.is_(None), row.forgotten_at.is_(None), online
    )
    return [
        Law("is in no known state", status.not_in([each.value for each in Status])),
        Law("is for no possible number of people", beyond(row.party_size)),
        Law("begins off the grid", off_grid(row.starts_at)),
        Law("came in no known way", row.source.not_in(sorted(SOURCES))),
        Law("came online and is over the pacing knowingly", and_(online, row.pacing_forced)),
        Law("came online and left no contact", unreachable),
        Law("waits and did not want to", and_(status == Status.WAITLISTED, not_(row.waitlist))),
        Law("gives a reason that nobody knows", row.reason.not_in(REASONS)),
        *_proof_laws(),
        *_held_laws(),
        Law("is in no revision for its guest", row.revision + row.guest_ahead < 1),
        Law("has notes of no revision", not_(row.notes_revision.between(1, row.revision))),
        Law(
            "has no table and no reason why",
            and_(is_in(status, _REFUSED), row.reason.is_(None)),
        ),
        Law(
            "has a table and a reason why not",
            and_(is_in(status, _GIVEN), row.reason.is_not(None)),
        ),
        Law(
            "is offered other starts and was not declined",
            and_(status != Status.DECLINED, says(row.alternatives)),
        ),
    ]


def _proof_laws() -> Iterator[Law]:
    """A confirmed contact exists, and was confirmed after the request."""
    row = table_of(Reservation).c
    for proved, key in ((row.email_proved_at, row.email_key), (row.phone_proved_at, row.phone_key)):
        unknown = and_(key.is_(None), row.forgotten_at.is_(None))
        wrong = or_(unknown, _before(proved, row.created_at))
        yield Law(f"bears a wrong {proved.name}", and_(proved.is_not(None), wrong))


def _held_laws() -> Iterator[Law]:
    """Only online requests of guests without a confirmed contact await a confirmation."""
    row = table_of(Reservation).c
    stands = or_(row.status != Status.CONFIRMED, row.source != "online")
    proved = or_(row.email_proved_at.is_not(None), row.phone_proved_at.is_not(None))
    yield Law("is held for a confirmation that it needs not", _has(stands, row.confirm_by))
    yield Law("has proved its contact and is held until it does", _has(proved, row.confirm_by))
    yield Law("is held past its start", row.confirm_by > row.starts_at)
    yield Law("was to be confirmed before it was asked for", row.confirm_by < row.created_at)


def _hour_laws(now: datetime) -> list[Law]:
    row = table_of(Reservation).c
    status, ahead = row.status, now + AHEAD
    early = seconds_between(row.created_at, row.starts_at) > _WINDOW_SECONDS
    ended = status == Status.FINISHED
    move = table_of(ReservationMove).c
    # the staff may record afterwards that a party came, and an evening's end finishes those left
    sat = not_(
        exists().where(
            move.reservation_id == row.id,
            move.after == Status.FINISHED,
            move.before != Status.SEATED,
        )
    )
    undecided = is_in(status, [Status.REQUESTED, Status.CANCELLED])
    # the staff may record afterwards that a party was here, even one never marked as arrived
    came = or_(is_in(status, _HERE), row.seated_at.is_not(None))
    later = (row.forgotten_at, row.email_proved_at, row.phone_proved_at)
    times = (row.created_at, row.decided_at, row.arrived_at, row.seated_at, row.finished_at)
    return [
        Law("was not confirmed in time, and holds its table", row.confirm_by < now - UNCONFIRMED),
        Law("ends before it has begun", row.ends_at <= row.starts_at),
        Law("was asked for too long before", and_(row.source == "online", early)),
        Law("bears a time that has not come", or_(*[each > ahead for each in times])),
        Law("waits for an answer and has it", _has(status == Status.REQUESTED, row.decided_at)),
        Law("was answered at no time", and_(not_(undecided), row.decided_at.is_(None))),
        Law("was answered before it was asked", _before(row.decided_at, row.created_at)),
        Law("arrived at no time", and_(came, row.arrived_at.is_(None))),
        Law("arrived before its time", _has(is_in(status, _NOT_ARRIVED), row.arrived_at)),
        Law("sat down at no time", and_(status == Status.SEATED, row.seated_at.is_(None))),
        Law("left and never sat down", and_(ended, row.seated_at.is_(None), sat)),
        Law("left and never came", and_(ended, row.arrived_at.is_(None), sat)),
        Law("sat down and does not sit", _has(not_(is_in(status, _SEATED)), row.seated_at)),
        Law("left at no time", and_(ended, row.finished_at.is_(None))),
        Law("has left and is still here", _has(not_(ended), row.finished_at)),
        Law("sat down before it came", _before(row.seated_at, row.arrived_at)),
        Law("left before it sat down", _before(row.finished_at, row.seated_at)),
        Law("is forgotten before it was asked for", _before(row.forgotten_at, row.created_at)),
        Law(
            "was forgotten or proved at a time that has not come",
            or_(*[each > ahead for each in later]),
        ),
    ]


def _has(where: ColumnElement[bool], column: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(where, column.is_not(None))


def _before(early: ColumnElement[Any], late: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(early < late, seconds_between(early, late) > DISORDER_SECONDS)
