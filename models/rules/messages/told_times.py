"""The wall time that a guest was told, kept beside the instant: zone rules change after a booking.

What is kept is the offset: minutes between UTC and the restaurant's wall clock at the start, as it
was when the start was last written.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from models.rules.restaurant.restaurant import RestaurantSpec

_MINUTE = timedelta(minutes=1)


def offset_of(restaurant: RestaurantSpec, starts_at: datetime) -> int:
    """The minutes by which the wall clock is ahead of UTC at that start."""
    return offset_in(restaurant.tz, starts_at)


def offset_in(tz: ZoneInfo, starts_at: datetime) -> int:
    """The same, in that zone."""
    return (starts_at.astimezone(tz).utcoffset() or timedelta()) // _MINUTE


def told_wall(starts_at: datetime, told_offset: int | None) -> datetime | None:
    """What the wall clock was said to show at the start, without a zone; None: not kept."""
    if told_offset is None:
        return None
    return starts_at.astimezone(UTC).replace(tzinfo=None) + told_offset * _MINUTE


def has_moved(restaurant: RestaurantSpec, starts_at: datetime, told_offset: int | None) -> bool:
    """Whether the wall clock shows something else at the start than was told."""
    return told_offset is not None and offset_of(restaurant, starts_at) != told_offset


def shows(restaurant: RestaurantSpec, starts_at: datetime) -> datetime:
    """What the wall clock shows at that start, by the zone data of now; without a zone."""
    return starts_at.astimezone(restaurant.tz).replace(tzinfo=None)


def instant_of(restaurant: RestaurantSpec, wall: datetime, *, near: datetime) -> datetime | None:
    """When the wall clock shows that time, in UTC; None: it never does.

    Of a time that it shows twice, the one nearer to `near`.
    """
    readings = [wall.replace(tzinfo=restaurant.tz, fold=fold).astimezone(UTC) for fold in (0, 1)]
    real = [each for each in readings if shows(restaurant, each) == wall]
    return min(real, key=lambda each: abs(each - near), default=None)
