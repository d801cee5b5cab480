"""What can be had online at all: a room whose tables are all for the staff is none for guests."""

from models.rules.deciding.seating import candidates
from models.rules.restaurant.restaurant import House, HouseArea


def online_areas(house: House) -> tuple[HouseArea, ...]:
    """The areas in which some party that may book online could be seated, in their order."""
    return tuple(area for area in house.areas if is_offered(house, area))


def is_offered(house: House, area: HouseArea) -> bool:
    """Whether any party that may book online could be seated in that area."""
    return any(_seats(house, size, area.id) for size in _allowed(house))


def online_sizes(house: House) -> tuple[int, ...]:
    """The party sizes that may book online and for which there is any table, ascending."""
    return tuple(size for size in _allowed(house) if _seats(house, size, None))


def _allowed(house: House) -> range:
    policies = house.policies
    return range(policies.min_party_online, policies.max_party_online + 1)


def _seats(house: House, party_size: int, area_id: int | None) -> bool:
    return bool(candidates(house, party_size, area_id=area_id, online=True))
