"""The list's own hours and length: when a party may join, and in whose book it waits."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from models.core.errors import sentence
from models.rules.deciding.seating import candidates
from models.rules.evening.limits import UNLIMITED, Limits
from models.rules.restaurant.restaurant import QUARTER_SECONDS, RestaurantSpec
from models.rules.restaurant.sittings import Sitting, quarter_of, sittings_on
from models.rules.restaurant.turn_times import buffer_minutes, turn_minutes

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


class Shut(StrEnum):
    """Why a party cannot join the list now. Public: named by the API and the page."""

    NO_LIST = "no_list"
    CLOSED = "closed"
    FULL = "full"
    STAFF_ONLY = "staff_only"
    PARTY_TOO_LARGE = "party_too_large"


#: What the refusal says.
SHUT_WORDS = {
    Shut.NO_LIST: sentence("door_no_list", "the restaurant keeps no list at the door"),
    Shut.CLOSED: sentence("door_closed", "the list is closed now"),
    Shut.FULL: sentence("door_full", "the list is full now"),
    Shut.STAFF_ONLY: "please ask the host to put you on the list",
    Shut.PARTY_TOO_LARGE: sentence(
        "no_table_of_that_size", "no table or combination seats a party of that size"
    ),
}


@dataclass(frozen=True, slots=True)
class Tonight:
    """The book in which parties at the door wait now, and the start that they get in it."""

    sitting: Sitting
    starts_at: datetime
    #: within the list's own hours
    is_open: bool


def tonight(restaurant: RestaurantSpec, now: datetime) -> Tonight | None:
    """The sitting that is on, else the next of this date; None: there is none.

    A party that joins before the first start waits at that start, later at the last start that has
    begun. The list is open from `door_opens_minutes` before the first start to
    `door_closes_minutes` before the last one.
    """
    policies, minute = restaurant.policies, now.timestamp() / 60
    for sitting in _sittings(restaurant, now):
        first, last = _minute(sitting.starts[0]), _minute(sitting.starts[-1])
        if minute >= last + turn_minutes(policies, sitting.shift, party_size=1):
            continue
        opens, closes = first - policies.door_opens_minutes, last - policies.door_closes_minutes
        return Tonight(sitting, _start(sitting, now), opens <= minute <= closes)
    return None


def shut_for(
    restaurant: RestaurantSpec,
    there: Tonight | None,
    *,
    party_size: int,
    waiting: int,
    by_staff: bool,
    limits: Limits = UNLIMITED,
) -> Shut | None:
    """Why such a party cannot join, where `waiting` parties wait already; None: it may.

    The staff are bound by neither hours nor length: who stands at the door can be asked to wait.
    `limits`: of the book. While online booking is stopped, guests cannot join; while the book is
    closed, nobody can.
    """
    policies = restaurant.policies
    if not policies.door_list:
        return Shut.NO_LIST
    if there is None:
        return Shut.CLOSED
    if not candidates(restaurant, party_size, area_id=None, online=False, walk_in=True):
        return Shut.PARTY_TOO_LARGE
    start = quarter_of(there.starts_at)
    if limits.is_closed(start):
        return Shut.CLOSED
    if by_staff:
        return None
    if not policies.door_online:
        return Shut.STAFF_ONLY
    if not there.is_open or limits.is_stopped(start):
        return Shut.CLOSED
    if party_size > policies.max_party_online:
        return Shut.PARTY_TOO_LARGE
    return Shut.FULL if waiting >= policies.door_parties else None


def turn_of(restaurant: RestaurantSpec, sitting: Sitting, party_size: int) -> int:
    """The minutes of such a party's turn in that sitting."""
    return turn_minutes(restaurant.policies, sitting.shift, party_size=party_size)


def buffer_of(restaurant: RestaurantSpec, sitting: Sitting) -> int:
    """The minutes to reset a table in that sitting."""
    return buffer_minutes(restaurant.policies, sitting.shift)


def ready_until(restaurant: RestaurantSpec, now: datetime) -> datetime:
    """Until when a party that is called now has time to come."""
    return now + restaurant.policies.door_ready_minutes * _MINUTE


def _sittings(restaurant: RestaurantSpec, now: datetime) -> tuple[Sitting, ...]:
    """Yesterday's sittings, which may run past midnight, and today's."""
    today = now.astimezone(restaurant.tz).date()
    return sittings_on(restaurant, today - _DAY) + sittings_on(restaurant, today)


def _start(sitting: Sitting, now: datetime) -> datetime:
    quarter = quarter_of(now)
    begun = [start for start in sitting.starts if start <= quarter]
    chosen = begun[-1] if begun else sitting.starts[0]
    return datetime.fromtimestamp(chosen * QUARTER_SECONDS, UTC)


def _minute(quarter: int) -> int:
    return quarter * QUARTER_SECONDS // 60
