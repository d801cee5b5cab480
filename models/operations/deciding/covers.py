"""the covers of a restaurant without tables, for the staff's verbs: is there room for a party?

`models.queries.deciding.covers` counts. The parties of all its books count together.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from models.core.errors import StateConflict, sentence
from models.entities.reservations import Reservation
from models.queries.deciding.covers import covers_present, lock_covers, planned_stay
from models.rules.reservations.lifecycle import HOLDING, Status
from models.rules.restaurant.covers import full_at, most_covers
from models.rules.restaurant.restaurant import RestaurantSpec, split_book_id
from models.rules.restaurant.sittings import local


def first_full(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    *,
    first: int,
    last: int,
    now: datetime,
    party_size: int | None = None,
    has: Collection[int] = (),
) -> int | None:
    """Return the first quarter, of `first` to `last`, without room for the party; None: all have.

    `party_size`: another size than its own. `has`: quarters for which it is counted already. With
    tables there is always room. Locks the count.
    """
    shift = restaurant.shift_by_id.get(split_book_id(row.book_id)[0])
    most = most_covers(restaurant, shift)
    if most is None or first > last:
        return None
    lock_covers(session, restaurant)
    span = {"first": first, "last": last}
    there = covers_present(session, restaurant, **span, now=now, without=row.id)
    there |= dict.fromkeys(has, -most)  # never full
    return full_at(there, party_size or row.party_size, **span, most=most)


def own_stay(restaurant: RestaurantSpec, row: Reservation) -> Collection[int]:
    """Return the quarters for which the party is counted already."""
    return planned_stay(restaurant, row) if Status(row.status) in HOLDING else ()


def refuse_if_full(
    session: Session,
    restaurant: RestaurantSpec,
    row: Reservation,
    *,
    first: int,
    last: int,
    now: datetime,
) -> None:
    """Raise StateConflict if the restaurant is full in a quarter that the party does not have yet.

    The quarters that it has already are its own, even where the staff exceeded the number since.
    """
    has = own_stay(restaurant, row)
    full = first_full(session, restaurant, row, first=first, last=last, now=now, has=has)
    if full is not None:
        at = local(restaurant, full)
        words = "the restaurant is full at {time}: finish a party that has left first"
        raise StateConflict(sentence("full_at", words, time=f"{at:%H:%M}"))
