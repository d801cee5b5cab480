"""Which parties are of a VIP: marked so themselves, or by their guest's record."""

from collections.abc import Collection, Iterable

from sqlalchemy import or_, select, union
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.guest_book import GuestContact, GuestRecord
from models.entities.parties import PartyDetails
from models.entities.reservations import Reservation
from models.queries.guest_book.known import is_known_as


def vips_among(session: Session, reservations: Collection[int]) -> frozenset[int]:
    """Return those of these reservations that are of a VIP. One query; none without parties."""
    if not reservations:
        return frozenset()
    party, row = table_of(PartyDetails).c, table_of(Reservation).c
    contact, guest = table_of(GuestContact).c, table_of(GuestRecord).c
    same = (contact.restaurant_id == row.restaurant_id) & or_(
        contact.contact == row.email_key, contact.contact == row.phone_key
    )
    marked = select(party.reservation_id).where(
        party.reservation_id.in_(reservations), party.vip.is_(True)
    )
    known = (
        select(row.id)
        .join_from(row.id.table, contact.contact.table, same)
        .join(guest.id.table, guest.id == contact.guest_id)
        .where(row.id.in_(reservations), guest.vip.is_(True))
    )
    return frozenset(session.scalars(union(marked, known)))


def is_vip(session: Session, restaurant_id: int, contacts: Iterable[bytes | None]) -> bool:
    """Return whether the guest with one of these contacts is a VIP. One query."""
    return is_known_as(session, restaurant_id, contacts, table_of(GuestRecord).c.vip.is_(True))
