"""How often guests came, did not come, and are expected: counted from the reservations."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Select, func, select, union
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.guest_book import GuestContact
from models.entities.parties import PartyDetails
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
    #: in hundredths, of the visits of which it is known; and how many they are
    spend: int = 0
    spend_visits: int = 0

    @property
    def spend_average(self) -> int | None:
        """What a visit costs the guest on average, in hundredths; None: not known."""
        return round(self.spend / self.spend_visits) if self.spend_visits else None

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
    known = (func.sum(each.c.spend), func.count(each.c.spend))
    counted = (func.count(), func.min(starts), func.max(starts))
    query = select(each.c.guest_id, *known, each.c.status, *counted)
    grouped = query.group_by(each.c.guest_id, each.c.status)
    for guest, spend, visits, *counts in session.execute(grouped):
        found[guest].add(*counts)
        found[guest].spend += int(spend or 0)
        found[guest].spend_visits += visits
    return found


def _by(key: Column[bytes], guests: Collection[int]) -> Select[int, int, str, datetime, int | None]:
    party = table_of(PartyDetails).c
    row, contact = table_of(Reservation).c, table_of(GuestContact).c
    same = (row.restaurant_id == contact.restaurant_id) & (key == contact.contact)
    return (
        select(contact.guest_id, row.id, row.status, row.starts_at, party.spend)
        .join_from(contact.contact.table, row.id.table, same)
        .outerjoin(party.spend.table, party.reservation_id == row.id)
        .where(contact.guest_id.in_(guests))
    )
