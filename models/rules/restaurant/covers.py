"""the covers of a restaurant without a floor plan: how many covers may be in it at once."""

from collections.abc import Mapping

from models.rules.restaurant.restaurant import RestaurantSpec, ShiftSpec


def most_covers(restaurant: RestaurantSpec, shift: ShiftSpec | None) -> int | None:
    """The most covers in the restaurant for a party of that shift; None: the tables say."""
    if restaurant.covers is None or shift is None or shift.covers is None:
        return restaurant.covers
    return shift.covers


def largest_party(restaurant: RestaurantSpec) -> int | None:
    """The largest party that fits in any shift; None: the tables say."""
    if restaurant.covers is None:
        return None
    return max((most_covers(restaurant, shift) or 0 for shift in restaurant.shifts), default=0)


def full_at(
    there: Mapping[int, int], party_size: int, *, first: int, last: int, most: int
) -> int | None:
    """The first quarter, of `first` to `last`, without room for such a party; None: there is room.

    `there`: quarter -> the covers in the restaurant.
    """
    quarters = range(first, last + 1)
    return next((each for each in quarters if there.get(each, 0) + party_size > most), None)
