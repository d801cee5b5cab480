"""The wall time that a guest was given, stored with the instant: zone rules may change afterwards.

The stored value is the offset: minutes between UTC and the restaurant's wall clock at the start, as
it was when the start was last written.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from models.rules.restaurant.restaurant import RestaurantSpec

_MINUTE = timedelta(minutes=1)


def offset_of(restaurant: RestaurantSpec, starts_at: datetime) -> int:
    """Minutes by which the restaurant's wall clock is ahead of UTC at that start."""
    return offset_in(restaurant.tz, starts_at)


def offset_in(tz: ZoneInfo, starts_at: datetime) -> int:
    """Minutes by which the wall clock of that zone is ahead of UTC at that start."""
    return (starts_at.astimezone(tz).utcoffset() or timedelta()) // _MINUTE


def notified_wall_time(starts_at: datetime, told_offset: int | None) -> datetime | None:
    """The wall time of the start as the guest was given it, without a zone; None: not stored."""
    if told_offset is None:
        return None
    return starts_at.astimezone(UTC).replace(tzinfo=None) + told_offset * _MINUTE


def has_moved(restaurant: RestaurantSpec, starts_at: datetime, told_offset: int | None) -> bool:
    """Whether the wall time of the start is no longer the one that the guest was given."""
    return told_offset is not None and offset_of(restaurant, starts_at) != told_offset


def shows(restaurant: RestaurantSpec, starts_at: datetime) -> datetime:
    """The wall time of that start by the current zone data, without a zone."""
    return starts_at.astimezone(restaurant.tz).replace(tzinfo=None)


def instant_of(restaurant: RestaurantSpec, wall: datetime, *, near: datetime) -> datetime | None:
    """The instant (UTC) of a wall time; None if the clock skips that time.

    If the wall time occurs twice, the instant nearer to `near`.
    """
    readings = [wall.replace(tzinfo=restaurant.tz, fold=fold).astimezone(UTC) for fold in (0, 1)]
    real = [each for each in readings if shows(restaurant, each) == wall]
    return min(real, key=lambda each: abs(each - near), default=None)
