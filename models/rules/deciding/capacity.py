"""Capacity: how many people fit at tables that a host chose, joined by hand or as declared."""

from models.rules.deciding.seating import Seats
from models.rules.restaurant.restaurant import RestaurantSpec


def most_at(restaurant: RestaurantSpec, seats: Seats) -> int:
    """The largest party for these tables together.

    Joined tables seat what their combination says. Tables that no combination joins seat as many
    as each of them alone.
    """
    own = frozenset(seats)
    joined = [
        each.max_party for each in restaurant.combinations if frozenset(each.table_ids) == own
    ]
    if len(own) > 1 and joined:
        return max(joined)
    return sum(restaurant.table_by_id[number].max_party for number in own)
