"""The same guest, twice: who holds a reservation near a start already."""

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Column, Select, bindparam, select, union_all
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import Reservation
from models.queries.deciding.parties import PartyRow
from models.rules.reservations.lifecycle import HOLDING
from models.rules.restaurant.policies import same_guest_conflict
from models.rules.restaurant.restaurant import RestaurantSpec

Held = tuple[int, bytes, int, datetime]


class SameGuests:
    """Starts by restaurant and contact key, kept up to date while a round decides."""

    def __init__(self) -> None:
        self._starts: dict[tuple[int, bytes], dict[int, datetime]] = defaultdict(dict)
        self._firsts: dict[int, str] = {}

    def add(self, held: Iterable[Held]) -> None:
        """Reservations that stand: (restaurant, contact key, reservation, start)."""
        for restaurant_id, key, reservation_id, starts_at in held:
            self._starts[restaurant_id, key][reservation_id] = starts_at

    def confirmed(self, row: PartyRow, *, at: datetime | None = None) -> None:
        """This one stands from now on, at its own start or at another."""
        self.add((row.restaurant_id, key, row.id, at or row.starts_at) for key in _keys(row))

    def conflicts(
        self, restaurant: RestaurantSpec, row: PartyRow, *, at: datetime | None = None
    ) -> bool:
        """Whether the guest holds another reservation too near this start (or `at`).

        Staff may: not asked.
        """
        return bool(self._others(restaurant, row, at=at))

    def asks_again(self, restaurant: RestaurantSpec, row: PartyRow) -> bool:
        """The same of a request; what the guest has is kept, to be told."""
        others = self._others(restaurant, row)
        self._firsts |= others
        return bool(others)

    def firsts(self, *, without: Container[int]) -> dict[int, str]:
        """What those have who asked for a second table, and the channel to tell them by.

        `without`: who was answered in this very round is told what they have anyway.
        """
        return {number: by for number, by in self._firsts.items() if number not in without}

    def _others(
        self, restaurant: RestaurantSpec, row: PartyRow, *, at: datetime | None = None
    ) -> dict[int, str]:
        """Those reservations, and by which channel their guest is the same one."""
        if row.source != "online":
            return {}
        start = at or row.starts_at
        return {
            other: channel
            # where both are the same it is the last that counts
            for channel, key in (("sms", row.phone_key), ("email", row.email_key))
            if key
            for other, starts_at in self._starts.get((row.restaurant_id, key), {}).items()
            if other != row.id and same_guest_conflict(restaurant.policies, starts_at, other=start)
        }


def load_same_guests(session: Session, rows: Sequence[PartyRow]) -> list[Held]:
    """Reservations that hold a table now and share a contact with one of the rows."""
    online = [row for row in rows if row.source == "online"]
    emails = sorted({row.email_key for row in online if row.email_key})
    phones = sorted({row.phone_key for row in online if row.phone_key})
    if not emails and not phones:
        return []
    found = session.execute(_SAME, {"emails": emails, "phones": phones})
    return [(row[0], row[1], row[2], row[3]) for row in found if row[1]]


def _holding(contact: Column[bytes], keys: str) -> Select[int, bytes, int, datetime]:
    row = table_of(Reservation).c
    return select(row.restaurant_id, contact.label("contact"), row.id, row.starts_at).where(
        contact.in_(bindparam(keys, expanding=True)), row.status.in_(sorted(HOLDING))
    )


_SAME = union_all(
    _holding(table_of(Reservation).c.email_key, "emails"),
    _holding(table_of(Reservation).c.phone_key, "phones"),
)


def _keys(row: PartyRow) -> list[bytes]:
    return [key for key in (row.email_key, row.phone_key) if key]
