"""Guests who did not come too often: their no-shows of the last year, by contact."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Column, Select, bindparam, func, select, union_all
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
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


def _keys(keys: Iterable[bytes | None]) -> list[bytes]:
    return sorted({key for key in keys if key})


_ROW = table_of(Reservation).c


def _missed(contact: Column[bytes], keys: str) -> Select[int, bytes, int]:
    return (
        select(_ROW.restaurant_id, contact.label("contact"), func.count())
        .where(
            contact.in_(bindparam(keys, expanding=True)),
            _ROW.restaurant_id.in_(bindparam("restaurants", expanding=True)),
            _ROW.status == Status.NO_SHOW.value,
            _ROW.starts_at >= bindparam("since"),
        )
        .group_by(_ROW.restaurant_id, contact)
    )


_MISSED = union_all(_missed(_ROW.email_key, "emails"), _missed(_ROW.phone_key, "phones"))
