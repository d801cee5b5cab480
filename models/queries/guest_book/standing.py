"""Whether guests may book online: blocked by the staff, or too many no-shows."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.core.secrets.signing import contact_key
from models.entities.guest_book import GuestRecord
from models.queries.guest_book.known import is_known_as
from models.queries.reservations.no_shows import counted_no_shows
from models.queries.reservations.reservations import ReservationView
from models.rules.restaurant.restaurant import RestaurantSpec


class OnlineRefused(StrEnum):
    """Why a guest cannot book online. Public: the API uses these names."""

    #: the staff have blocked the guest
    BLOCKED = "blocked"
    #: more no-shows than the restaurant's `no_show_limit` allows
    NO_SHOWS = "no_shows"


def refusals(
    session: Session,
    restaurant: RestaurantSpec,
    contacts: Iterable[bytes | None],
    *,
    now: datetime,
) -> tuple[OnlineRefused, ...]:
    """Why the guest with one of these contacts cannot book online; empty: the guest can.

    One query, and one more where the restaurant has a limit of no-shows.
    """
    keys = {key for key in contacts if key}
    if not keys:
        return ()
    found = []
    if is_blocked(session, restaurant.id, keys):
        found.append(OnlineRefused.BLOCKED)
    limit = restaurant.policies.no_show_limit
    if limit and counted_no_shows(session, restaurant.id, keys, now=now) >= limit:
        found.append(OnlineRefused.NO_SHOWS)
    return tuple(found)


def refusals_of(
    session: Session, view: ReservationView, *, now: datetime
) -> tuple[OnlineRefused, ...]:
    """The same for the guest of a reservation."""
    contacts = (contact_key(view.guest_email), contact_key(view.guest_phone))
    return refusals(session, view.restaurant, contacts, now=now)


def is_blocked(session: Session, restaurant_id: int, contacts: Iterable[bytes | None]) -> bool:
    """Whether the staff have blocked the guest with one of these contacts. One query."""
    blocked = table_of(GuestRecord).c.blocked_at.is_not(None)
    return is_known_as(session, restaurant_id, contacts, blocked)
