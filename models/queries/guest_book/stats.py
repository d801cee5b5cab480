"""How often guests came, did not come, and are expected: counted from the reservations."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Select, func, select, union
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.guest_book import GuestContact
from models.entities.reservations import Reservation
from models.rules.reservations.lifecycle import Status

_CAME = frozenset({Status.SEATED, Status.FINISHED})
_COMES = frozenset({Status.REQUESTED, Status.CONFIRMED, Status.ARRIVED, Status.WAITLISTED})


@dataclass(slots=True)
class GuestStats:
    """Counts of one guest's reservations, and the starts of the last visit and the next one."""

    visits: int = 0
    no_shows: int = 0
    cancelled: int = 0
    upcoming: int = 0
    last_visit: datetime | None = None
    next_visit: datetime | None = None

    def add(self, status: str, count: int, first: datetime, last: datetime) -> None:
        """Add this many reservations of one status, which start between these times."""
        if status in _CAME:
            self.visits += count
            self.last_visit = max(self.last_visit or last, last)
        elif status in _COMES:
            self.upcoming += count
            self.next_visit = min(self.next_visit or first, first)
        elif status == Status.NO_SHOW:
            self.no_shows += count
        elif status == Status.CANCELLED:
            self.cancelled += count


def stats_of(session: Session, guests: Collection[int]) -> dict[int, GuestStats]:
    """The counts of each of these records, in one query. A reservation counts once for a record."""
    found = {number: GuestStats() for number in guests}
    if not found:
        return found
    row = table_of(Reservation).c
    each = union(_by(row.email_key, guests), _by(row.phone_key, guests)).subquery()
    starts = each.c.starts_at
    query = select(each.c.guest_id, each.c.status, func.count(), func.min(starts), func.max(starts))
    for guest, *counted in session.execute(query.group_by(each.c.guest_id, each.c.status)):
        found[guest].add(*counted)
    return found


def _by(key: Column[bytes], guests: Collection[int]) -> Select[int, int, str, datetime]:
    row, contact = table_of(Reservation).c, table_of(GuestContact).c
    same = (row.restaurant_id == contact.restaurant_id) & (key == contact.contact)
    return (
        select(contact.guest_id, row.id, row.status, row.starts_at)
        .join_from(contact.contact.table, row.id.table, same)
        .where(contact.guest_id.in_(guests))
    )
