"""The end of a shift: parties booked online have left by then, unless turns may run over it."""

from models.rules.reservations.requests import TableRequest
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import LAST_QUARTER, Sitting, local, quarter_of
from models.rules.restaurant.turn_times import turn_minutes, turn_quarters


def last_start(restaurant: RestaurantSpec, sitting: Sitting, *, party_size: int) -> int:
    """The last quarter at which an online party of that size can start and leave in time."""
    if sitting.closes is None:
        return LAST_QUARTER
    return sitting.closes - turn_quarters(restaurant.policies, sitting.shift, party_size=party_size)


def runs_over(restaurant: RestaurantSpec, sitting: Sitting, wished: TableRequest) -> str:
    """Why a party of that size cannot start at an offered start; empty if it can."""
    last = last_start(restaurant, sitting, party_size=wished.party_size)
    if quarter_of(wished.starts_at) <= last:
        return ""
    minutes = turn_minutes(restaurant.policies, sitting.shift, party_size=wished.party_size)
    stays = f"a party of {wished.party_size} stays {minutes} minutes, and {sitting.shift.name}"
    stays += f" ends at {sitting.shift.ends:%H:%M}"
    begins = [quarter for quarter in sitting.starts if quarter <= last]
    if not begins:
        return stays
    return (
        f"{stays}: its last start is {local(restaurant, begins[-1]).isoformat(timespec='minutes')}"
    )
