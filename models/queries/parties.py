"""What a decision reads of a reservation: no name, no note, nothing it does not need."""

from typing import Any, TypeAlias

from sqlalchemy import Row

from models.entities.reservations import Reservation

COLUMNS = (
    Reservation.id,
    Reservation.restaurant_id,
    Reservation.book_id,
    Reservation.status,
    Reservation.revision,
    Reservation.party_size,
    Reservation.starts_at,
    Reservation.ends_at,
    Reservation.area_id,
    Reservation.waitlist,
    Reservation.source,
    Reservation.guest_email,
    Reservation.guest_phone,
    Reservation.email_key,
    Reservation.phone_key,
    Reservation.awaited,
    Reservation.created_at,
)

#: One row of COLUMNS.
PartyRow: TypeAlias = Row[*tuple[Any, ...]]
