"""Special days in words: what special hours do to the other shifts of their date."""

from collections.abc import Iterator
from datetime import date

from models.rules.restaurant.restaurant import RestaurantSpec, ShiftSpec
from models.rules.restaurant.sittings import runs_on, shifts_on


def special_days(restaurant: RestaurantSpec, *, today: date) -> Iterator[str]:
    """One line for each coming date that has special hours, in order."""
    days = {shift.on_date for shift in restaurant.shifts if shift.on_date is not None}
    for day in sorted(day for day in days if day >= today):
        own = [shift for shift in restaurant.shifts if shift.on_date == day]
        regular = [shift for shift in restaurant.shifts if runs_on(shift, day)]
        verb = "are added to" if all(shift.added for shift in own) else "replace"
        if not shifts_on(restaurant, day):
            yield f"{day}: closed, in spite of the special hours {_keys(own)}"
        elif regular:
            yield f"{day}: the special hours {_keys(own)} {verb} {_keys(regular)}"
        else:
            yield f"{day}: the special hours {_keys(own)}; no other shift runs on that day"


def _keys(shifts: list[ShiftSpec]) -> str:
    return ", ".join(shift.key for shift in shifts)
