"""Check that every change request and move is consistent, by itself and with its reservation."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.floor import Area
from models.entities.reservations import Reservation, ReservationChange, ReservationMove
from models.integrity.checks.moments import Moments
from models.integrity.checks.reservations import AHEAD, REASONS, beyond, off_grid, says
from models.integrity.finding import Files, Finding
from models.integrity.law import Law, breaches
from models.integrity.times import as_text
from models.rules.messages.notifying import (
    ASSIGNED_REASON,
    CHANGED_REASON,
    LOCKED_REASON,
    REFUSED_REASON,
    SWAPPED_REASON,
    TURN_REASON,
    UNLOCKED_REASON,
)
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import BOOKS_PER_SHIFT

#: States of a change request.
_CHANGE_STATES: Final = ("requested", "accepted", "refused", "superseded", "dropped")
#: Actors of moves; staff are named by their account's number.
_ACTORS: Final = ("guest", "worker", "clock", "operator")
_STAFF: Final = "staff:"
#: Reasons of moves that only a host makes.
_OF_THE_STAND: Final = (
    "arrival",
    "seating",
    "moved",
    ASSIGNED_REASON,
    SWAPPED_REASON,
    LOCKED_REASON,
    UNLOCKED_REASON,
    TURN_REASON,
)


def changes(session: Session, *, now: datetime, limit: int) -> Iterator[Finding]:
    """Check each change request with its reservation, and with the move that answered it."""
    wish, row = table_of(ReservationChange), table_of(Reservation)
    source = wish.join(row, row.c.id == wish.c.reservation_id)
    laws = [*_change_laws(now), *_answer_laws()]
    yield from breaches(session, "change", wish.c.id, row.c.id, source, laws, limit=limit)
    yield from _unanswered(session, limit=limit)


def _change_laws(now: datetime) -> list[Law]:
    wish, row = table_of(ReservationChange).c, table_of(Reservation).c
    by_staff = _by_staff(wish.actor)
    waits = wish.status == "requested"
    return [
        Law(
            "belongs to another restaurant than its reservation",
            wish.restaurant_id != row.restaurant_id,
            rule="reference",
        ),
        Law(
            "requests an area that its restaurant does not have",
            and_(wish.area_id.is_not(None), not_(_has_area())),
            rule="reference",
        ),
        Law("has an unknown status", wish.status.not_in(_CHANGE_STATES)),
        Law("has an impossible party size", beyond(wish.party_size)),
        Law("does not start on a quarter of an hour", off_grid(wish.starts_at)),
        Law("has an unknown actor", _is_unknown_actor(wish.actor)),
        Law("has an actor that contradicts by_staff", by_staff != wish.by_staff),
        Law("is pending but has decided_at", and_(waits, wish.decided_at.is_not(None))),
        Law("was decided but has no decided_at", and_(not_(waits), wish.decided_at.is_(None))),
        Law("was decided before it was created", wish.decided_at < wish.created_at),
        Law("was created before its reservation", wish.created_at < row.created_at),
        Law(
            "has a time in the future",
            or_(wish.created_at > now + AHEAD, wish.decided_at > now + AHEAD),
        ),
        Law("has an unknown reason", wish.reason.not_in(REASONS)),
        Law(
            "was refused without a reason, or has a reason but was not refused",
            (wish.status == "refused") != wish.reason.is_not(None),
        ),
        Law(
            "has alternatives but was not refused",
            and_(wish.status != "refused", says(wish.alternatives)),
        ),
    ]


def _has_area() -> ColumnElement[bool]:
    wish, area = table_of(ReservationChange).c, table_of(Area).c
    return exists().where(area.id == wish.area_id, area.restaurant_id == wish.restaurant_id)


def _answer_laws() -> list[Law]:
    wish, row = table_of(ReservationChange).c, table_of(Reservation).c
    table, move = table_of(ReservationChange).alias("other"), table_of(ReservationMove).c
    later = exists().where(
        table.c.reservation_id == wish.reservation_id,
        table.c.status == "accepted",
        table.c.id > wish.id,
    )
    twice = exists().where(
        table.c.reservation_id == wish.reservation_id,
        table.c.status == "requested",
        table.c.id > wish.id,
    )
    moved = exists().where(
        move.reservation_id == wish.reservation_id,
        move.at == wish.decided_at,
        # change requests answered by an older release do not store the revision
        move.revision == func.coalesce(wish.answered_revision, move.revision),
    )
    shown = and_(
        wish.book_id == row.book_id,
        wish.party_size == row.party_size,
        wish.starts_at == row.starts_at,
        func.coalesce(wish.area_id, 0) == func.coalesce(row.area_id, 0),
    )
    return [
        Law(
            "is pending beside a later one",
            and_(wish.status == "requested", twice),
            rule="wish",
        ),
        Law(
            "was accepted, but the reservation does not show it",
            and_(wish.status == "accepted", not_(later), not_(shown)),
            rule="wish",
        ),
        Law(
            "was decided, but no move records it",
            and_(wish.status.in_(("accepted", "refused")), not_(moved)),
            rule="wish",
        ),
    ]


def change_books(session: Session, files: Files) -> Iterator[Finding]:
    """Check the book of each change request against its start and its restaurant."""
    wish, moments = table_of(ReservationChange).c, Moments(files)
    query = select(
        wish.id, wish.reservation_id, wish.restaurant_id, wish.book_id, as_text(wish.starts_at)
    )
    for number, party, restaurant_id, book, starts_at in session.execute(query):
        shift = files.shifts.get(book // BOOKS_PER_SHIFT)
        problem = moments.change_problem(restaurant_id, book, starts_at)
        if shift is None or shift.restaurant_id != restaurant_id:
            problem = "belongs to no shift of its restaurant"
        if problem:
            yield Finding("book", (party,), f"change {number} of reservation {party} {problem}")


def _unanswered(session: Session, *, limit: int) -> Iterator[Finding]:
    """Moves that answered a change request that does not exist."""
    wish, move = table_of(ReservationChange), table_of(ReservationMove)
    for reason, status in ((CHANGED_REASON, "accepted"), (REFUSED_REASON, "refused")):
        answered = exists().where(
            wish.c.reservation_id == move.c.reservation_id,
            wish.c.decided_at == move.c.at,
            wish.c.status == status,
        )
        broken = and_(move.c.reason == reason, not_(answered))
        law = Law(f"records that a change was {status}, but none was", broken, rule="wish")
        key, party = move.c.id, move.c.reservation_id
        yield from breaches(session, "move", key, party, move, [law], limit=limit)


def moves(session: Session, *, now: datetime, limit: int) -> Iterator[Finding]:
    """Check the actor and time of every move."""
    move, row = table_of(ReservationMove), table_of(Reservation)
    answered = and_(
        move.c.before == Status.REQUESTED,
        move.c.after.in_((Status.CONFIRMED, Status.WAITLISTED, Status.DECLINED)),
        move.c.before != move.c.after,
    )
    by_worker, online = move.c.actor == "worker", row.c.source == "online"
    at_the_stand = move.c.reason.in_(_OF_THE_STAND)
    laws = [
        Law("has an unknown actor", _is_unknown_actor(move.c.actor)),
        Law("has a time in the future", move.c.at > now + AHEAD),
        Law("answers a request that another actor answers", and_(answered, by_worker != online)),
        Law("was not made by staff", and_(at_the_stand, not_(_by_staff(move.c.actor)))),
    ]
    source = move.join(row, row.c.id == move.c.reservation_id)
    key, party = move.c.id, move.c.reservation_id
    yield from breaches(session, "move", key, party, source, laws, limit=limit)


def _is_unknown_actor(actor: ColumnElement[Any]) -> ColumnElement[bool]:
    number = func.substr(actor, len(_STAFF) + 1)
    rest = number
    for digit in "0123456789":
        rest = func.replace(rest, digit, "")
    staff = and_(_by_staff(actor), number != "", rest == "")
    return not_(or_(actor.in_(_ACTORS), staff))


def _by_staff(actor: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.substr(actor, 1, len(_STAFF)) == _STAFF
