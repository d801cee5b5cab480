"""Pacing: the most covers and parties that may start in one 15-minute interval."""

from dataclasses import dataclass, replace
from datetime import date

from models.rules.restaurant.restaurant import Pacing, RestaurantSpec, ShiftSpec
from models.rules.restaurant.sittings import Sitting, local


@dataclass(slots=True)
class Load:
    """The parties that already start in one interval."""

    covers: int = 0
    parties: int = 0
    online_covers: int = 0

    def add(self, party_size: int, *, online: bool) -> None:
        """Add one party."""
        self.covers += party_size
        self.parties += 1
        if online:
            self.online_covers += party_size

    def remove(self, party_size: int, *, online: bool) -> None:
        """Remove one party."""
        self.covers -= party_size
        self.parties -= 1
        if online:
            self.online_covers -= party_size


def pacing_of(restaurant: RestaurantSpec, shift: ShiftSpec) -> Pacing:
    """The shift's own pacing, or the restaurant's."""
    return shift.pacing or restaurant.policies.pacing


def pacing_at(restaurant: RestaurantSpec, sitting: Sitting, quarter: int) -> Pacing:
    """The pacing of one start: that of its date and time, or else of its shift or restaurant."""
    usual = sitting.shift.pacing or restaurant.policies.pacing
    if not restaurant.date_pacing:
        return usual
    return on_that_date(restaurant, usual, sitting.service_date, quarter)


def on_that_date(
    restaurant: RestaurantSpec, usual: Pacing, service_date: date, quarter: int
) -> Pacing:
    """The usual pacing of a start, with the limits that its date and time have of their own."""
    for each in restaurant.date_pacing:
        if each.on_date == service_date and each.covers(local(restaurant, quarter).time()):
            usual = replace(usual, **dict(each.limits))
    return usual


def keeps_pace(pacing: Pacing, load: Load | None, party_size: int, *, online: bool) -> bool:
    """Whether a party may start in an interval that carries `load` already.

    The limits hold for the first party, too: a party larger than them does not fit an empty
    interval.
    """
    now = load or _NOTHING
    if pacing.covers is not None and now.covers + party_size > pacing.covers:
        return False
    if pacing.parties is not None and now.parties + 1 > pacing.parties:
        return False
    limit = pacing.online_covers
    return not (online and limit is not None and now.online_covers + party_size > limit)


_NOTHING = Load()
