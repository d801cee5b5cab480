"""Limits on the requests of guests and staff: sizes, times, cutoffs, grace periods.

Times are compared as epoch seconds: between two values of one zone Python computes with wall times,
which is wrong by an hour across a DST change.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import ceil

from models.core.errors import FieldProblem, Invalid, sentence
from models.rules.deciding.seating import candidates
from models.rules.reservations.requests import TableRequest
from models.rules.restaurant.closing import runs_over
from models.rules.restaurant.features import Wants
from models.rules.restaurant.online_tables import is_offered, online_areas
from models.rules.restaurant.restaurant import QUARTER_SECONDS, Policies, RestaurantSpec
from models.rules.restaurant.sittings import (
    LAST_QUARTER,
    Sitting,
    areas_closed_at,
    find_sitting,
    last_quarter_of,
    local,
    quarter_of,
    sittings_on,
)

#: How long after the start the staff may still record a party.
STAFF_LOOKBACK_MINUTES = 24 * 60
STAFF_MAX_PARTY = 999
_NEAREST = 3
_DAY = timedelta(days=1)


def check_request(
    restaurant: RestaurantSpec, request: TableRequest, *, now: datetime, online: bool
) -> Sitting:
    """Check a request and return its sitting; whether there is room is decided later.

    Raises Invalid naming every wrong one of `party_size`, `area` and `start`. With `online` the
    guest's limits hold: party sizes, lead time, booking window. The staff are bound only by the
    shifts, 1..999 covers, and a start no more than 24 h ago.
    """
    sitting = find_sitting(restaurant, request.starts_at)
    wrong = {
        "party_size": party_problem(restaurant, request.party_size, online=online),
        "area": area_problem(restaurant, request.area_key, online=online)
        or closed_area_problem(restaurant, request.area_key, request.starts_at),
        "needs": needs_problem(restaurant, request, online=online),
        "wishes": features_problem(restaurant, request.wants.wishes),
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
    """First and last UTC quarter (both inclusive) that may be requested at `now`.

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
    """Whether two starts of one guest are too close together. Exactly the gap apart is allowed."""
    return abs(minutes_from(start, other)) < policies.same_guest_gap_minutes


def may_cancel_online(starts_at: datetime, *, now: datetime) -> bool:
    """Whether a guest may cancel: until the start, since that is better than a no-show."""
    return minutes_from(now, starts_at) > 0


def is_late_cancel(cutoff_minutes: int, starts_at: datetime, *, now: datetime) -> bool:
    """Whether a cancellation at `now` comes after the cutoff in force when the guest booked.

    A late cancellation is reported to the restaurant, not refused. Exactly at the cutoff is in
    time.
    """
    return minutes_from(now, starts_at) < cutoff_minutes


def no_show_due(policies: Policies, starts_at: datetime, *, now: datetime) -> bool:
    """Whether the grace period of a confirmed party that has not arrived is over."""
    return minutes_from(starts_at, now) >= policies.no_show_grace_minutes


def no_show_before(policies: Policies, *, now: datetime) -> datetime | None:
    """The latest start whose absent party is marked a no-show automatically; None: none is."""
    if not policies.auto_no_show:
        return None
    return now - timedelta(minutes=policies.no_show_grace_minutes)


def finish_before(policies: Policies, *, now: datetime) -> datetime | None:
    """The latest end of a turn whose party is finished automatically; None: none is."""
    if not policies.auto_finish:
        return None
    return now - timedelta(minutes=policies.auto_finish_minutes)


def minutes_from(begin: datetime, end: datetime) -> float:
    """Elapsed minutes from one moment to the other, independent of wall clocks."""
    return (end.timestamp() - begin.timestamp()) / 60


def _next_quarter(moment: datetime, *, minutes: int) -> int:
    """The first quarter that begins `minutes` after `moment` or later."""
    return ceil((moment.timestamp() + minutes * 60) / QUARTER_SECONDS)


def party_problem(restaurant: RestaurantSpec, party_size: int, *, online: bool) -> str:
    """The problem with a party of that size; empty if there is none."""
    if not online:
        fits = 1 <= party_size <= STAFF_MAX_PARTY
        return (
            ""
            if fits
            else sentence("from_one_to", "must be from 1 to {most}", most=STAFF_MAX_PARTY)
        )
    smallest, largest = restaurant.policies.min_party_online, restaurant.policies.max_party_online
    if party_size < smallest:
        return f"must be at least {smallest}"
    if party_size > largest:
        return f"must be at most {largest} online; please call us for a larger party"
    return ""


def area_problem(restaurant: RestaurantSpec, area_key: str | None, *, online: bool) -> str:
    """The problem with an area; empty if there is none."""
    area = restaurant.area_by_key.get(area_key or "")
    if area_key is None or (area and (not online or is_offered(restaurant, area))):
        return ""
    keys = ", ".join(
        each.key for each in (online_areas(restaurant) if online else restaurant.areas)
    )
    if area:
        return f"is not offered online; areas offered: {keys or 'none'}"
    return sentence(
        "unknown_area", "is not an area of this restaurant; its areas: {areas}", areas=keys
    )


def features_problem(restaurant: RestaurantSpec, keys: Iterable[str]) -> str:
    """The problem with features that no table has; empty if there is none."""
    known = [each.key for each in restaurant.features]
    unknown = [key for key in keys if key not in known]
    if not unknown:
        return ""
    return sentence(
        "unknown_feature",
        "no table is {feature}; the features here: {features}",
        feature=unknown[0],
        features=", ".join(known) or "none",
    )


def needs_problem(restaurant: RestaurantSpec, request: TableRequest, *, online: bool) -> str:
    """The problem with what a party needs: unknown, or of no table that such a party may get."""
    needs = request.wants.needs
    problem = features_problem(restaurant, needs)
    if problem or not needs or not online:
        return problem
    area = restaurant.area_by_key.get(request.area_key or "")
    size, area_id = request.party_size, area.id if area else None
    fits = candidates(restaurant, size, area_id=area_id, online=True)
    if not fits or candidates(restaurant, size, area_id=area_id, online=True, wants=Wants(needs)):
        return ""
    return f"we have no table for {size} that is {' and '.join(needs)}; please call us"


def closed_area_problem(
    restaurant: RestaurantSpec, area_key: str | None, starts_at: datetime
) -> str:
    """The problem with an area that is closed then; empty if it is open."""
    area = restaurant.area_by_key.get(area_key or "")
    if area is None or area.id not in areas_closed_at(restaurant, starts_at):
        return ""
    day = starts_at.astimezone(restaurant.tz).date()
    return sentence("area_closed", "is closed on {date}", date=day)


def start_problem(
    restaurant: RestaurantSpec, starts_at: datetime, *, now: datetime, online: bool
) -> str:
    """The problem with a start that is too near, too far or past; empty if there is none."""
    first, last = bookable_quarters(restaurant, now=now, online=online)
    quarter = quarter_of(starts_at)
    if first <= quarter <= last:
        return ""
    if quarter > last:
        return _too_far(restaurant, last, online=online)
    if not online:
        return sentence("day_past", "is more than 24 hours in the past")
    if minutes_from(starts_at, now) > 0:
        return "is in the past"
    return f"must be at least {restaurant.policies.lead_minutes} minutes ahead"


def sitting_problem(
    restaurant: RestaurantSpec, sitting: Sitting | None, wished: TableRequest, *, online: bool
) -> str:
    """Why that is not a start, or not one for a party of that size; empty if it is."""
    if sitting is None:
        return no_sitting(restaurant, wished.starts_at)
    return runs_over(restaurant, sitting, wished) if online else ""


def _too_far(restaurant: RestaurantSpec, last: int, *, online: bool) -> str:
    day = local(restaurant, last).date()
    if not online:
        return sentence("too_far", "must not be after {date}", date=day)
    return f"must be within {restaurant.policies.window_days} days, until {day}"


def no_sitting(restaurant: RestaurantSpec, starts_at: datetime) -> str:
    """Why a bookable time is not a start: closed on that local date, or else the nearest starts."""
    wanted = quarter_of(starts_at)
    day = local(restaurant, wanted).date()
    sittings = sittings_on(restaurant, day) + sittings_on(restaurant, day - _DAY)
    offered = [quarter for sitting in sittings for quarter in sitting.starts]
    near = [quarter for quarter in offered if local(restaurant, quarter).date() == day]
    if not near:
        return sentence("closed_on", "the restaurant is closed on {date}", date=day)
    near = sorted(sorted(near, key=lambda quarter: abs(quarter - wanted))[:_NEAREST])
    starts = ", ".join(local(restaurant, quarter).isoformat(timespec="minutes") for quarter in near)
    return sentence(
        "no_start", "is not a start of any shift; the nearest are {times}", times=starts
    )
