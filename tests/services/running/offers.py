"""The offered starts, read from the database without the cache."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from models.core.redis.signals import Miss
from models.queries.deciding.availability import Slot, keep_availability
from models.rules.restaurant.restaurant import RestaurantSpec


def availability(
    session: Session,
    restaurant: RestaurantSpec,
    *,
    on_date: date,
    party_size: int,
    area_key: str | None = None,
    now: datetime,
) -> list[Slot]:
    """The starts of that date for such a party online, as where Redis does not answer."""
    return keep_availability(
        session,
        restaurant,
        Miss(None, ""),
        on_date=on_date,
        party_size=party_size,
        area_key=area_key,
        now=now,
    )
