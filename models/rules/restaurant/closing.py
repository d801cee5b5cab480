"""The end of a shift: parties booked online have left by then, unless turns may run over it."""

from models.rules.deciding.seating import candidates
from models.rules.reservations.requests import TableRequest
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import LAST_QUARTER, Sitting, local, quarter_of
from models.rules.restaurant.turn_times import in_quarters, turn_at, turn_minutes


def last_start(
    restaurant: RestaurantSpec, sitting: Sitting, *, party_size: int, area_id: int | None = None
) -> int:
    """The last quarter at which an online party can start and leave in time.

    `area_id`: the only area that it wants; None: any, and then the one with the shortest turn
    counts.
    """
    if sitting.closes is None:
        return LAST_QUARTER
    if restaurant.turns_vary:
        minutes = shortest_turn(restaurant, sitting, party_size=party_size, area_id=area_id)
    else:
        minutes = turn_minutes(restaurant.policies, sitting.shift, party_size=party_size)
    return sitting.closes - in_quarters(minutes)


def shortest_turn(
    restaurant: RestaurantSpec, sitting: Sitting, *, party_size: int, area_id: int | None
) -> int:
    """The least minutes that such an online party may get, in that area or (None) anywhere."""
    usual = turn_minutes(restaurant.policies, sitting.shift, party_size=party_size)
    if not restaurant.turns_vary:
        return usual
    wanted = candidates(restaurant, party_size, area_id=area_id, online=True)
    turns = (turn_at(restaurant, sitting.shift, each, party_size=party_size) for each in wanted)
    return min(turns, default=usual)


def runs_over(restaurant: RestaurantSpec, sitting: Sitting, wished: TableRequest) -> str:
    """Why a party of that size cannot start at an offered start; empty if it can."""
    area = restaurant.area_by_key.get(wished.area_key or "")
    area_id = area.id if area else None
    last = last_start(restaurant, sitting, party_size=wished.party_size, area_id=area_id)
    if quarter_of(wished.starts_at) <= last:
        return ""
    minutes = shortest_turn(restaurant, sitting, party_size=wished.party_size, area_id=area_id)
    stays = f"a party of {wished.party_size} stays {minutes} minutes, and {sitting.shift.name}"
    stays += f" ends at {sitting.shift.ends:%H:%M}"
    begins = [quarter for quarter in sitting.starts if quarter <= last]
    if not begins:
        return stays
    return (
        f"{stays}: its last start is {local(restaurant, begins[-1]).isoformat(timespec='minutes')}"
    )
