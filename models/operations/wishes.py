"""Wishes to change: the one that waits, what it comes to with another, and its end undecided."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.core.errors import Invalid
from models.entities.reservations import Reservation, ReservationChange
from models.rules.house import House
from models.rules.requests import GuestDetails, TableChange, TableRequest


def waiting_wish(session: Session, reservation_id: int) -> ReservationChange | None:
    """The wish that waits to be decided; under the book's lock there is one at most."""
    query = select(ReservationChange).where(
        ReservationChange.reservation_id == reservation_id,
        ReservationChange.status == "requested",
    )
    return session.scalars(query.order_by(ReservationChange.id.desc()).limit(1)).first()


def wished(
    house: House, before: Reservation | ReservationChange, change: TableChange
) -> TableRequest:
    """The whole wish: what changes, and what stays as it was or as it was wished before."""
    has = as_request(house, before)
    if before.area_id and has.area_key is None and change.area_key is None:
        # not into another room without a word
        raise Invalid.field("area", "the area is gone that was asked for; name another, or none")
    return replace(
        has,
        party_size=change.party_size or has.party_size,
        starts_at=change.starts_at or has.starts_at,
        area_key=has.area_key if change.area_key is None else change.area_key or None,
    )


def as_request(house: House, row: Reservation | ReservationChange) -> TableRequest:
    """What is there, as a request: who comes stays, and is not asked about."""
    area = house.area_by_id.get(row.area_id or 0)
    nobody = GuestDetails(name="")
    return TableRequest(row.party_size, row.starts_at, nobody, area.key if area else None)


def end_waiting_wishes(
    session: Session, reservation_id: int, *, status: str, now: datetime
) -> None:
    """The wish that waits is not decided any more: it is `superseded` or `dropped`."""
    session.execute(
        update(ReservationChange)
        .where(
            ReservationChange.reservation_id == reservation_id,
            ReservationChange.status == "requested",
        )
        .values(status=status, decided_at=now)
    )
