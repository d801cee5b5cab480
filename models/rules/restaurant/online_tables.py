"""Areas and party sizes bookable online. An area with in-house tables only is not one of them."""

from models.rules.deciding.seating import candidates
from models.rules.restaurant.restaurant import AreaSpec, RestaurantSpec


def online_areas(restaurant: RestaurantSpec) -> tuple[AreaSpec, ...]:
    """The areas in which some party that may book online could be seated, in their order."""
    return tuple(area for area in restaurant.areas if is_offered(restaurant, area))


def is_offered(restaurant: RestaurantSpec, area: AreaSpec) -> bool:
    """Whether any party that may book online could be seated in that area."""
    return any(_seats(restaurant, size, area.id) for size in _allowed(restaurant))


def online_sizes(restaurant: RestaurantSpec) -> tuple[int, ...]:
    """The party sizes that may book online and fit at least one table or combination, ascending."""
    return tuple(size for size in _allowed(restaurant) if _seats(restaurant, size, None))


def _allowed(restaurant: RestaurantSpec) -> range:
    policies = restaurant.policies
    return range(policies.min_party_online, policies.max_party_online + 1)


def _seats(restaurant: RestaurantSpec, party_size: int, area_id: int | None) -> bool:
    return bool(candidates(restaurant, party_size, area_id=area_id, online=True))
