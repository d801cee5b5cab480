"""Small restaurants for the tests of the rules, and a slow reference answer for starts."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import count

from models.rules.restaurant.restaurant import (
    QUARTER_SECONDS,
    AreaSpec,
    ClosureSpec,
    Pacing,
    Policies,
    RestaurantSpec,
    ShiftSpec,
    TurnTime,
)
from models.rules.restaurant.sittings import local, sittings_on

DAY = timedelta(days=1)
FRIDAY = date(2026, 7, 10)
#: Moments at which careless date arithmetic overflows.
ENDS_OF_TIME = [
    datetime.fromisoformat(text)
    for text in (
        "0001-01-01T00:00:00+14:00",
        "0001-01-01T00:00:00+00:00",
        "0001-01-01T00:00:00-14:00",
        "9999-12-31T23:59:59.999999+14:00",
        "9999-12-31T23:59:59.999999+00:00",
        "9999-12-31T23:59:59.999999-14:00",
    )
]
_ids = count(1)


def at(clock: str) -> time:
    """A wall time from `HH:MM`."""
    return time.fromisoformat(clock)


def utc(text: str) -> datetime:
    """An aware UTC time from ISO text that names no offset."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def a_shift(
    first: str = "18:00",
    last: str = "21:00",
    *,
    key: str = "dinner",
    shift_id: int | None = None,
    weekdays: Iterable[int] = range(7),
    on_date: date | None = None,
    valid: tuple[date | None, date | None] = (None, None),
    turn_times: tuple[TurnTime, ...] | None = None,
    buffer_minutes: int | None = None,
) -> ShiftSpec:
    """A shift with first and last seating; by default dinner every day."""
    return ShiftSpec(
        id=next(_ids) if shift_id is None else shift_id,
        key=key,
        name=key.title(),
        first=at(first),
        last=at(last),
        ends=at(last),
        weekdays=frozenset(weekdays),
        on_date=on_date,
        valid_from=valid[0],
        valid_until=valid[1],
        turn_times=turn_times,
        pacing=Pacing(),
        buffer_minutes=buffer_minutes,
        may_run_over=True,
    )


def a_restaurant(
    *shifts: ShiftSpec,
    zone: str = "Europe/Berlin",
    policies: Policies | None = None,
    closures: tuple[ClosureSpec, ...] = (),
) -> RestaurantSpec:
    """A restaurant with a room and a terrace; the trade's default policies."""
    return RestaurantSpec(
        id=1,
        slug="probe",
        name="Probe",
        zone=zone,
        locale="en",
        revision=1,
        policies=policies or Policies(),
        areas=(AreaSpec(1, "room", "Room"), AreaSpec(2, "terrace", "Terrace")),
        tables=(),
        combinations=(),
        shifts=shifts,
        closures=closures,
    )


def wall(restaurant: RestaurantSpec, quarter: int) -> datetime:
    """The restaurant's wall clock time, without its offset."""
    moment = datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC)
    return moment.astimezone(restaurant.tz).replace(tzinfo=None)


def obvious_starts(
    restaurant: RestaurantSpec, shift: ShiftSpec, *, service_date: date
) -> tuple[int, ...]:
    """Test every quarter of six days for being a start of the shift by the wall clock."""
    midnight = datetime.combine(service_date - 2 * DAY, time(), tzinfo=UTC)
    begin = int(midnight.timestamp()) // QUARTER_SECONDS
    return tuple(
        quarter
        for quarter in range(begin, begin + 6 * 96)
        if _is_start(restaurant, shift, service_date=service_date, shown=wall(restaurant, quarter))
    )


def _is_start(
    restaurant: RestaurantSpec, shift: ShiftSpec, *, service_date: date, shown: datetime
) -> bool:
    minutes = (shown - datetime.combine(service_date, shift.first)) / timedelta(minutes=1)
    if minutes % restaurant.policies.slot_minutes:
        return False
    if shown.date() == service_date:
        return shown.time() >= shift.first and (
            shift.last < shift.first or shown.time() <= shift.last
        )
    next_day = shown.date() == service_date + DAY
    return next_day and shift.last < shift.first and shown.time() <= shift.last


def offered(restaurant: RestaurantSpec, day: date) -> list[str]:
    """The starts of a date as guests see them: local date, time and offset."""
    return [
        local(restaurant, start).isoformat(timespec="minutes")
        for sitting in sittings_on(restaurant, day)
        for start in sitting.starts
    ]


def clocks(restaurant: RestaurantSpec, day: date) -> list[str]:
    """The same, as wall times only."""
    return [start[11:16] for start in offered(restaurant, day)]
