"""Guests who did not come too often: their no-shows of the last year, by contact.

No-shows before the staff lifted the limit for the guest do not count.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Column, Select, bindparam, exists, func, select, union_all
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.guest_book import GuestContact, GuestRecord
from models.entities.reservations import Reservation
from models.queries.deciding.parties import PartyRow
from models.rules.reservations.lifecycle import Status
from models.rules.restaurant.restaurant import RestaurantSpec

#: Older no-shows do not count.
COUNTED: Final = timedelta(days=365)


class NoShows:
    """No-shows by restaurant and contact key. Only for restaurants with `no_show_limit`."""

    def __init__(self) -> None:
        self._missed: Counter[tuple[int, bytes]] = Counter()

    def load(self, session: Session, rows: Sequence[PartyRow], *, now: datetime) -> None:
        """Count the no-shows of these rows' guests. One query."""
        wanted = {
            "emails": _keys(row.email_key for row in rows),
            "phones": _keys(row.phone_key for row in rows),
            "restaurants": sorted({row.restaurant_id for row in rows}),
            "since": now - COUNTED,
        }
        for restaurant_id, key, count in session.execute(_MISSED, wanted):
            self._missed[restaurant_id, key] = count

    def is_over(self, restaurant: RestaurantSpec, row: PartyRow) -> bool:
        """Return whether the guest may not book online any more. The staff may book for anybody."""
        limit = restaurant.policies.no_show_limit
        if limit is None or row.source != "online":
            return False
        missed = (self._missed[restaurant.id, key] for key in (row.email_key, row.phone_key) if key)
        return any(count >= limit for count in missed)


def counted_no_shows(
    session: Session, restaurant_id: int, contacts: Collection[bytes], *, now: datetime
) -> int:
    """Return the no-shows that count, of the contact that has the most. One query."""
    wanted = {
        "emails": sorted(contacts),
        "phones": sorted(contacts),
        "restaurants": [restaurant_id],
        "since": now - COUNTED,
    }
    return max((count for _, _, count in session.execute(_MISSED, wanted)), default=0)


def _keys(keys: Iterable[bytes | None]) -> list[bytes]:
    return sorted({key for key in keys if key})


_ROW = table_of(Reservation).c
_CONTACT = table_of(GuestContact).c
_GUEST = table_of(GuestRecord).c


def _missed(contact: Column[bytes], keys: str) -> Select[int, bytes, int]:
    lifted = exists().where(
        _CONTACT.contact == contact,
        _CONTACT.restaurant_id == _ROW.restaurant_id,
        _GUEST.id == _CONTACT.guest_id,
        _GUEST.limit_lifted_at >= _ROW.starts_at,
    )
    return (
        select(_ROW.restaurant_id, contact.label("contact"), func.count())
        .where(
            contact.in_(bindparam(keys, expanding=True)),
            _ROW.restaurant_id.in_(bindparam("restaurants", expanding=True)),
            _ROW.status == Status.NO_SHOW.value,
            _ROW.starts_at >= bindparam("since"),
            ~lifted,
        )
        .group_by(_ROW.restaurant_id, contact)
    )


_MISSED = union_all(_missed(_ROW.email_key, "emails"), _missed(_ROW.phone_key, "phones"))
