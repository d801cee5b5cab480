"""Changes: what may be changed, and until when. Only fields that differ are checked."""

from datetime import datetime

from models.core.errors import FieldProblem, Invalid, sentence
from models.rules.reservations.requests import TableChange, TableRequest
from models.rules.restaurant.closing import runs_over
from models.rules.restaurant.policies import (
    area_problem,
    closed_area_problem,
    minutes_from,
    no_sitting,
    party_problem,
    sitting_problem,
    start_problem,
)
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import Sitting, find_sitting


def check_change(
    restaurant: RestaurantSpec,
    wished: TableRequest,
    *,
    change: TableChange,
    has: TableRequest,
    now: datetime,
    online: bool,
) -> Sitting:
    """Check a change and return the sitting of the changed reservation.

    `has` is the reservation as it is; `wished` is `has` with `change` applied. Only fields that
    differ are checked: what was agreed before stays valid, whatever today's limits are. Online, the
    party may become smaller until the start. Raises Invalid naming the wrong fields of the change.
    """
    sitting = find_sitting(restaurant, wished.starts_at)
    late = _is_late(restaurant, has.starts_at, now=now, online=online)
    wrong = {}
    if wished.starts_at != has.starts_at and change.starts_at is not None:
        problem = start_problem(restaurant, wished.starts_at, now=now, online=online)
        wrong["start"] = problem or sitting_problem(restaurant, sitting, wished, online=online)
    if change.party_size is not None and wished.party_size != has.party_size:
        wrong["party_size"] = _size_change_problem(
            restaurant, wished.party_size, has=has.party_size, late=late, online=online
        )
        if sitting and online and "start" not in wrong and wished.party_size > has.party_size:
            wrong["party_size"] = wrong["party_size"] or runs_over(restaurant, sitting, wished)
    if change.area_key is not None and wished.area_key != has.area_key:
        wrong["area"] = area_problem(restaurant, wished.area_key, online=online) or late
    if (wished.area_key, wished.starts_at) != (has.area_key, has.starts_at):
        closed = closed_area_problem(restaurant, wished.area_key, wished.starts_at)
        name = "start" if change.area_key is None else "area"
        if closed and not wrong.get(name):
            wrong[name] = closed if name == "area" else _closed_then(restaurant, wished)
    problems = tuple(FieldProblem(name, message) for name, message in wrong.items() if message)
    if sitting is None and not problems:
        name = "party_size" if change.party_size is not None else "area"
        problems = (FieldProblem(name, no_sitting(restaurant, wished.starts_at)),)
    if sitting is None or problems:
        raise Invalid(problems[0].message, fields=problems)
    return sitting


def _closed_then(restaurant: RestaurantSpec, wished: TableRequest) -> str:
    day = wished.starts_at.astimezone(restaurant.tz).date()
    return sentence(
        "area_closed_then", "area {area} is closed on {date}", area=wished.area_key, date=day
    )


def _is_late(
    restaurant: RestaurantSpec, starts_at: datetime, *, now: datetime, online: bool
) -> str:
    """The message for a change that comes too late; empty in time, and always for the staff."""
    lead = restaurant.policies.lead_minutes
    if not online or minutes_from(now, starts_at) >= lead:
        return ""
    return f"can no longer be changed: the start is less than {lead} minutes ahead"


def _size_change_problem(
    restaurant: RestaurantSpec, size: int, *, has: int, late: str, online: bool
) -> str:
    if online and restaurant.policies.min_party_online <= size < has:
        return ""
    return party_problem(restaurant, size, online=online) or (
        f"{late}; a smaller party is possible" if late else ""
    )
