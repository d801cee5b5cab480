"""What a restaurant lets guests and staff ask for, and until when: limits, cutoffs, grace.

Times are compared as epoch seconds: between two values of one zone Python's own arithmetic is the
wall clock's, and an hour off across DST.
"""

from datetime import datetime, timedelta
from math import ceil

from models.core.errors import FieldProblem, Invalid
from models.rules.reservations.requests import TableRequest
from models.rules.restaurant.closing import runs_over
from models.rules.restaurant.online_tables import is_offered, online_areas
from models.rules.restaurant.restaurant import QUARTER_SECONDS, Policies, RestaurantSpec
from models.rules.restaurant.sittings import (
    LAST_QUARTER,
    Sitting,
    find_sitting,
    last_quarter_of,
    local,
    quarter_of,
    sittings_on,
)

#: The staff may still write down who came, for this long after the start.
STAFF_LOOKBACK_MINUTES = 24 * 60
STAFF_MAX_PARTY = 999
_NEAREST = 3
_DAY = timedelta(days=1)


def check_request(
    restaurant: RestaurantSpec, request: TableRequest, *, now: datetime, online: bool
) -> Sitting:
    """The sitting a request asks for; whether it has room is decided later.

    Raises Invalid naming every wrong one of `party_size`, `area` and `start`. With `online` the
    guest's limits hold: party sizes, lead time, booking window. The staff are bound only by the
    shifts, 1..999 covers, and a start no more than 24 h ago.
    """
    sitting = find_sitting(restaurant, request.starts_at)
    wrong = {
        "party_size": party_problem(restaurant, request.party_size, online=online),
        "area": area_problem(restaurant, request.area_key, online=online),
        "start": start_problem(restaurant, request.starts_at, now=now, online=online)
        or sitting_problem(restaurant, sitting, request, online=online),
    }
    problems = tuple(FieldProblem(name, message) for name, message in wrong.items() if message)
    if sitting is None or problems:
        raise Invalid(problems[0].message, fields=problems)
    return sitting


def bookable_quarters(
    restaurant: RestaurantSpec, *, now: datetime, online: bool
) -> tuple[int, int]:
    """First and last UTC quarter (both inclusive) that may be asked for at `now`.

    Online: from the lead time to the end of the window's last day by the restaurant's calendar.
    """
    if not online:
        return _next_quarter(now, minutes=-STAFF_LOOKBACK_MINUTES), LAST_QUARTER
    first = _next_quarter(now, minutes=restaurant.policies.lead_minutes)
    last_day = now.astimezone(restaurant.tz).date() + timedelta(
        days=restaurant.policies.window_days
    )
    return first, last_quarter_of(restaurant, last_day)


def same_guest_conflict(policies: Policies, start: datetime, *, other: datetime) -> bool:
    """Whether one guest's two starts are too near each other. Exactly the gap apart is allowed."""
    return abs(minutes_from(start, other)) < policies.same_guest_gap_minutes


def may_cancel_online(starts_at: datetime, *, now: datetime) -> bool:
    """Guests may cancel until the start: a late word is better for the house than a no-show."""
    return minutes_from(now, starts_at) > 0


def is_late_cancel(cutoff_minutes: int, starts_at: datetime, *, now: datetime) -> bool:
    """Whether a cancellation at `now` comes after the cutoff in force when the guest booked.

    It is reported to the house, not refused. Exactly at the cutoff is still in time.
    """
    return minutes_from(now, starts_at) < cutoff_minutes


def no_show_due(policies: Policies, starts_at: datetime, *, now: datetime) -> bool:
    """Whether a confirmed party of which nobody arrived has used up its grace."""
    return minutes_from(starts_at, now) >= policies.no_show_grace_minutes


def no_show_before(policies: Policies, *, now: datetime) -> datetime | None:
    """The last start whose absent party the clock itself may call a no-show; None: none."""
    if not policies.auto_no_show:
        return None
    return now - timedelta(minutes=policies.no_show_grace_minutes)


def finish_before(policies: Policies, *, now: datetime) -> datetime | None:
    """The last end of a turn whose party the clock itself may take for gone; None: none."""
    if not policies.auto_finish:
        return None
    return now - timedelta(minutes=policies.auto_finish_minutes)


def minutes_from(begin: datetime, end: datetime) -> float:
    """Minutes from one moment to the other, by no wall clock."""
    return (end.timestamp() - begin.timestamp()) / 60


def _next_quarter(moment: datetime, *, minutes: int) -> int:
    """The first quarter that begins `minutes` after `moment` or later."""
    return ceil((moment.timestamp() + minutes * 60) / QUARTER_SECONDS)


def party_problem(restaurant: RestaurantSpec, party_size: int, *, online: bool) -> str:
    """What is wrong with a party of that size; empty for nothing."""
    if not online:
        fits = 1 <= party_size <= STAFF_MAX_PARTY
        return "" if fits else f"must be from 1 to {STAFF_MAX_PARTY}"
    smallest, largest = restaurant.policies.min_party_online, restaurant.policies.max_party_online
    if party_size < smallest:
        return f"must be at least {smallest}"
    if party_size > largest:
        return f"must be at most {largest} online; please call us for a larger party"
    return ""


def area_problem(restaurant: RestaurantSpec, area_key: str | None, *, online: bool) -> str:
    """What is wrong with an area; empty for nothing."""
    area = restaurant.area_by_key.get(area_key or "")
    if area_key is None or (area and (not online or is_offered(restaurant, area))):
        return ""
    keys = ", ".join(
        each.key for each in (online_areas(restaurant) if online else restaurant.areas)
    )
    if area:
        return f"is not offered online; what is: {keys or 'none'}"
    return f"is not an area of this restaurant; its areas: {keys}"


def start_problem(
    restaurant: RestaurantSpec, starts_at: datetime, *, now: datetime, online: bool
) -> str:
    """What is wrong with a start that is too near, too far or past; empty for nothing."""
    first, last = bookable_quarters(restaurant, now=now, online=online)
    quarter = quarter_of(starts_at)
    if first <= quarter <= last:
        return ""
    if quarter > last:
        return _too_far(restaurant, last, online=online)
    if not online:
        return "lies more than 24 hours in the past"
    if minutes_from(starts_at, now) > 0:
        return "lies in the past"
    return f"must be at least {restaurant.policies.lead_minutes} minutes ahead"


def sitting_problem(
    restaurant: RestaurantSpec, sitting: Sitting | None, wished: TableRequest, *, online: bool
) -> str:
    """Why that is no start, or none for such a party; empty when it is."""
    if sitting is None:
        return no_sitting(restaurant, wished.starts_at)
    return runs_over(restaurant, sitting, wished) if online else ""


def _too_far(restaurant: RestaurantSpec, last: int, *, online: bool) -> str:
    day = local(restaurant, last).date()
    if not online:
        return f"must not be after {day}"
    return f"must be within {restaurant.policies.window_days} days, until {day}"


def no_sitting(restaurant: RestaurantSpec, starts_at: datetime) -> str:
    """Why a bookable time is no start: closed on that local date, or the starts nearest to it."""
    wanted = quarter_of(starts_at)
    day = local(restaurant, wanted).date()
    sittings = sittings_on(restaurant, day) + sittings_on(restaurant, day - _DAY)
    offered = [quarter for sitting in sittings for quarter in sitting.starts]
    near = [quarter for quarter in offered if local(restaurant, quarter).date() == day]
    if not near:
        return f"the restaurant is closed on {day}"
    near = sorted(sorted(near, key=lambda quarter: abs(quarter - wanted))[:_NEAREST])
    starts = ", ".join(local(restaurant, quarter).isoformat(timespec="minutes") for quarter in near)
    return f"is not a start of any shift; the nearest are {starts}"
