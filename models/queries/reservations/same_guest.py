"""What a decision knows about a guest: reservations near a start, and whether it is blocked."""

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Column, Select, bindparam, literal, select, union_all
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.guest_book import GuestContact, GuestRecord
from models.entities.reservations import Reservation
from models.queries.deciding.parties import PartyRow
from models.rules.reservations.lifecycle import HOLDING
from models.rules.restaurant.policies import same_guest_conflict
from models.rules.restaurant.restaurant import RestaurantSpec

#: restaurant, contact key, reservation, its start; for a blocked contact, BLOCKED and since when
Held = tuple[int, bytes, int, datetime]
#: Stands for the reservation in the row of a contact that may not book online.
BLOCKED = 0


class SameGuests:
    """Starts by restaurant and contact key, kept up to date during a round."""

    def __init__(self) -> None:
        self._starts: dict[tuple[int, bytes], dict[int, datetime]] = defaultdict(dict)
        self._firsts: dict[int, str] = {}
        self._blocked: set[tuple[int, bytes]] = set()

    def add(self, held: Iterable[Held]) -> None:
        """Add reservations that hold, and blocked contacts."""
        for restaurant_id, key, reservation_id, starts_at in held:
            if reservation_id == BLOCKED:
                self._blocked.add((restaurant_id, key))
                continue
            self._starts[restaurant_id, key][reservation_id] = starts_at

    def confirmed(self, row: PartyRow, *, at: datetime | None = None) -> None:
        """Add a reservation that was confirmed, at its own start or at another."""
        self.add((row.restaurant_id, key, row.id, at or row.starts_at) for key in _keys(row))

    def is_blocked(self, row: PartyRow) -> bool:
        """Return whether the staff have blocked the guest from booking online."""
        return row.source == "online" and any(
            (row.restaurant_id, key) in self._blocked for key in _keys(row)
        )

    def conflicts(
        self, restaurant: RestaurantSpec, row: PartyRow, *, at: datetime | None = None
    ) -> bool:
        """Return whether the guest holds another reservation too near this start (or `at`).

        Bookings by the staff are not checked.
        """
        return bool(self._others(restaurant, row, at=at))

    def asks_again(self, restaurant: RestaurantSpec, row: PartyRow) -> bool:
        """Do the same for a request, and remember the guest's reservations, to notify the guest."""
        others = self._others(restaurant, row)
        self._firsts |= others
        return bool(others)

    def firsts(self, *, without: Container[int]) -> dict[int, str]:
        """Return the reservations of guests that asked for a second table, and the channel to use.

        `without`: reservations answered in this round, whose guests are notified anyway.
        """
        return {number: by for number, by in self._firsts.items() if number not in without}

    def _others(
        self, restaurant: RestaurantSpec, row: PartyRow, *, at: datetime | None = None
    ) -> dict[int, str]:
        """Return those reservations, and the channel by which their guest is the same."""
        if row.source != "online":
            return {}
        start = at or row.starts_at
        return {
            other: channel
            # if both match, the last one counts
            for channel, key in (("sms", row.phone_key), ("email", row.email_key))
            if key
            for other, starts_at in self._starts.get((row.restaurant_id, key), {}).items()
            if other != row.id and same_guest_conflict(restaurant.policies, starts_at, other=start)
        }


def load_same_guests(session: Session, rows: Sequence[PartyRow]) -> list[Held]:
    """Return reservations that hold a table now and share a contact with one of the rows.

    The same statement returns which of these contacts are blocked: no further round trip.
    """
    online = [row for row in rows if row.source == "online"]
    emails = sorted({row.email_key for row in online if row.email_key})
    phones = sorted({row.phone_key for row in online if row.phone_key})
    if not emails and not phones:
        return []
    wanted = {"emails": emails, "phones": phones, "contacts": [*emails, *phones]}
    found = session.execute(_SAME, wanted)
    return [(row[0], row[1], row[2], row[3]) for row in found if row[1]]


def _holding(contact: Column[bytes], keys: str) -> Select[int, bytes, int, datetime]:
    row = table_of(Reservation).c
    return select(row.restaurant_id, contact.label("contact"), row.id, row.starts_at).where(
        contact.in_(bindparam(keys, expanding=True)), row.status.in_(sorted(HOLDING))
    )


def _blocked() -> Select[int, bytes, int, datetime]:
    contact, guest = table_of(GuestContact).c, table_of(GuestRecord).c
    return (
        select(contact.restaurant_id, contact.contact, literal(BLOCKED), guest.blocked_at)
        .join_from(contact.contact.table, guest.id.table, guest.id == contact.guest_id)
        .where(
            contact.contact.in_(bindparam("contacts", expanding=True)),
            guest.blocked_at.is_not(None),
        )
    )


_SAME = union_all(
    _holding(table_of(Reservation).c.email_key, "emails"),
    _holding(table_of(Reservation).c.phone_key, "phones"),
    _blocked(),
)


def _keys(row: PartyRow) -> list[bytes]:
    return [key for key in (row.email_key, row.phone_key) if key]
