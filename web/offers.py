"""Offered start times: from the Redis cache, or from the database on a miss."""

from datetime import date, datetime
from functools import partial
from typing import Any

from models.core.database.transactions import one_state, reading
from models.core.errors import Invalid
from models.core.redis import signals
from models.queries.deciding.availability import Slot, cached_availability, keep_availability
from models.queries.floor.load import cached_restaurant, restaurant_by_slug
from models.queries.running import flags
from models.rules.restaurant.policies import features_problem
from models.rules.restaurant.restaurant import RestaurantSpec
from web.metrics import requests as metrics


def recent_restaurant(slug: str) -> RestaurantSpec:
    """Return the restaurant as of at most two seconds ago. Decisions load it afresh.

    Raises NotFound.
    """
    seen = cached_restaurant(slug)
    if seen is not None:
        return seen
    with reading() as session:
        return restaurant_by_slug(session, slug)


def offered_starts(
    slug: str,
    *,
    on_date: date,
    party_size: int,
    area_key: str | None,
    needs: tuple[str, ...] = (),
    now: datetime,
) -> tuple[list[Slot], RestaurantSpec]:
    """Return the slots of a day, and the restaurant.

    On a cache hit this takes no query; on a miss at most five, and two more for each full book.
    Raises NotFound for the restaurant and Invalid for an area that it does not have.
    """
    restaurant = recent_restaurant(slug)
    if area_key is not None and area_key not in restaurant.area_by_key:
        raise Invalid.field("area", "is not an area of this restaurant")
    if problem := features_problem(restaurant, needs):
        raise Invalid.field("needs", problem)
    place: dict[str, Any] = {"party_size": party_size, "area_key": area_key, "needs": needs}
    found = cached_availability(restaurant, on_date=on_date, now=now, **place)
    metrics.count_availability("database" if isinstance(found, signals.Miss) else "cache")
    if not isinstance(found, signals.Miss):
        return found, restaurant
    flags.refresh()
    read = partial(
        keep_availability,
        restaurant=restaurant,
        miss=found,
        on_date=on_date,
        now=now,
        **place,
    )
    return one_state(read), restaurant  # a book may be decided between two of the queries
