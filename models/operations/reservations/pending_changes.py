"""Pending change requests: find, merge, create and end them."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.core.errors import Invalid, RevisionConflict, StateConflict, in_state, sentence
from models.entities.reservations import Reservation, ReservationChange
from models.rules.reservations.lifecycle import DOOR, HERE, OPEN, Status
from models.rules.reservations.requests import GuestDetails, TableChange, TableRequest
from models.rules.restaurant.policies import may_cancel_online
from models.rules.restaurant.restaurant import RestaurantSpec


def check_revision(revision: int, if_revision: int | None) -> None:
    """Raise RevisionConflict unless the caller has seen the current revision."""
    if if_revision is not None and revision != if_revision:
        raise RevisionConflict("the reservation has changed since you read it")


def check_open(row: Reservation, *, now: datetime, by_staff: bool) -> None:
    """Raise StateConflict if the reservation has ended, or, for its guest, has begun."""
    if Status(row.status) not in (OPEN | HERE if by_staff else OPEN):
        raise StateConflict(in_state("cannot_change", row.status, "cannot be changed"))
    if row.source == DOOR and row.status == Status.WAITLISTED:
        raise StateConflict("you wait at the door: ask the host to change it")
    if not by_staff and not may_cancel_online(row.starts_at, now=now):
        raise StateConflict("the reservation has started; please call the restaurant")


def pending_change(session: Session, reservation_id: int) -> ReservationChange | None:
    """Return the pending change request; under the book's lock there is at most one."""
    query = select(ReservationChange).where(
        ReservationChange.reservation_id == reservation_id,
        ReservationChange.status == "requested",
    )
    return session.scalars(query.order_by(ReservationChange.id.desc()).limit(1)).first()


def merged_request(
    restaurant: RestaurantSpec, before: Reservation | ReservationChange, change: TableChange
) -> TableRequest:
    """Return the complete request: the changed fields, and the others as they were in `before`.

    Raises Invalid if the area of `before` is gone and the change names no other.
    """
    has = as_request(restaurant, before)
    if before.area_id and has.area_key is None and change.area_key is None:
        # never move the party to another area without its consent
        raise Invalid.field(
            "area",
            sentence("area_gone", "the requested area no longer exists; name another, or none"),
        )
    return replace(
        has,
        party_size=change.party_size or has.party_size,
        starts_at=change.starts_at or has.starts_at,
        area_key=has.area_key if change.area_key is None else change.area_key or None,
    )


def as_request(restaurant: RestaurantSpec, row: Reservation | ReservationChange) -> TableRequest:
    """Return the reservation or change as a request with an empty guest, who is not compared."""
    area = restaurant.area_by_id.get(row.area_id or 0)
    nobody = GuestDetails(name="")
    return TableRequest(row.party_size, row.starts_at, nobody, area.key if area else None)


def matches(
    restaurant: RestaurantSpec, row: Reservation | ReservationChange, asked: TableRequest
) -> bool:
    """Return whether the row equals the request. An area that is gone equals no area requested."""
    has = as_request(restaurant, row)
    return asked == has and (has.area_key is None) == (row.area_id is None)


def new_change(
    row: Reservation,
    restaurant: RestaurantSpec,
    asked: TableRequest,
    *,
    book_id: int,
    now: datetime,
    actor: str,
    by_staff: bool = False,
) -> ReservationChange:
    """Return the change as a row in `requested`, for a request that was checked."""
    return ReservationChange(
        restaurant_id=row.restaurant_id,
        reservation_id=row.id,
        book_id=book_id,
        status="requested",
        party_size=asked.party_size,
        starts_at=asked.starts_at,
        area_id=restaurant.area_by_key[asked.area_key].id if asked.area_key else None,
        by_staff=by_staff,
        actor=actor,
        awaited=False,
        created_at=now,
    )


def end_pending_changes(
    session: Session, reservation_id: int, *, status: str, now: datetime
) -> None:
    """End the pending change request undecided: as `superseded` or `dropped`."""
    session.execute(
        update(ReservationChange)
        .where(
            ReservationChange.reservation_id == reservation_id,
            ReservationChange.status == "requested",
        )
        .values(status=status, decided_at=now)
    )
