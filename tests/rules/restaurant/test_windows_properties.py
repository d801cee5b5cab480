"""Properties of the offered starts, for any zone, any date, any shifts."""

from datetime import UTC, date, datetime, time
from itertools import pairwise
from zoneinfo import available_timezones

from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.rules.restaurant.restaurant import (
    QUARTER_SECONDS,
    ClosureSpec,
    Policies,
    RestaurantSpec,
    ShiftSpec,
)
from models.rules.restaurant.sittings import book_quarters, find_sitting, local, sittings_on
from tests.rules.restaurants import DAY, a_restaurant, a_shift, obvious_starts

ZONES = st.sampled_from(sorted(available_timezones()))
DATES = st.dates(date(1970, 1, 5), date(2200, 1, 1))
QUARTERS = st.integers(0, 95).map(lambda n: f"{n // 4:02}:{n % 4 * 15:02}")
MINUTES = st.times().map(lambda clock: clock.strftime("%H:%M"))
CLOCKS = QUARTERS | MINUTES
SLOTS = st.sampled_from([15, 20, 30, 45, 60])


def _moment(start: int) -> datetime:
    return datetime.fromtimestamp(start * QUARTER_SECONDS, UTC)


@st.composite
def any_shift(draw: st.DrawFn, day: date) -> ShiftSpec:
    """A regular or special shift on or around a date."""
    near = st.sampled_from([day - DAY, day, day + DAY])
    return a_shift(
        draw(CLOCKS),
        draw(CLOCKS),
        key=draw(st.sampled_from(["lunch", "dinner", "late"])),
        weekdays=draw(st.sets(st.integers(0, 6), min_size=4)),
        on_date=draw(st.none() | st.none() | near),
        valid=(draw(st.none() | near), draw(st.none() | near)),
    )


@st.composite
def restaurant_and_date(draw: st.DrawFn) -> tuple[RestaurantSpec, date]:
    """A restaurant with up to four shifts and some closures, and a date to query."""
    day = draw(DATES)
    near = st.sampled_from([day - DAY, day, day + DAY])
    key = st.none() | st.sampled_from(["lunch", "dinner", "late"])
    closures = draw(st.lists(st.builds(ClosureSpec, near, key), max_size=2))
    restaurant = a_restaurant(
        *draw(st.lists(any_shift(day), min_size=1, max_size=4)),
        zone=draw(ZONES),
        policies=Policies(slot_minutes=draw(SLOTS)),
        closures=tuple(closures),
    )
    return restaurant, day


@settings(max_examples=150)
@given(zone=ZONES, day=DATES, first=CLOCKS, last=CLOCKS, slot=SLOTS)
@example("Pacific/Apia", date(2011, 12, 30), "00:00", "23:45", 15)
@example("Pacific/Kwajalein", date(1993, 8, 20), "22:00", "21:45", 15)
@example("America/St_Johns", date(2006, 10, 28), "21:00", "02:00", 15)
@example("America/St_Johns", date(2006, 10, 29), "00:00", "02:00", 15)
@example("Africa/Monrovia", date(1972, 1, 6), "18:00", "06:00", 15)
@example("America/Havana", date(2026, 11, 1), "00:30", "00:45", 15)
@example("Asia/Beirut", date(2026, 3, 28), "23:30", "00:30", 15)
@example("Europe/Berlin", date(2026, 3, 29), "02:30", "03:30", 60)
@example("Europe/Berlin", date(2026, 10, 25), "02:30", "02:15", 30)
def test_starts_are_what_the_wall_clock_shows_quarter_by_quarter(
    zone: str, day: date, first: str, last: str, slot: int
) -> None:
    shift = a_shift(first, last)
    restaurant = a_restaurant(shift, zone=zone, policies=Policies(slot_minutes=slot))
    mine = [sitting for sitting in sittings_on(restaurant, day) if sitting.shift is shift]
    got = mine[0].starts if mine else ()
    # A night that extends to the hours of the next date's first starts keeps them.
    before = obvious_starts(restaurant, shift, service_date=day - DAY)
    expected = obvious_starts(restaurant, shift, service_date=day)
    assert got == tuple(start for start in expected if start not in before)


@settings(max_examples=200)
@given(restaurant_and_date())
def test_every_start_is_within_its_seatings_ascending_and_on_the_grid(
    case: tuple[RestaurantSpec, date],
) -> None:
    restaurant, day = case
    for sitting in sittings_on(restaurant, day):
        walls = [local(restaurant, start).replace(tzinfo=None) for start in sitting.starts]
        first = datetime.combine(day, sitting.shift.first)
        overnight = sitting.shift.last < sitting.shift.first
        last = datetime.combine(day + DAY * overnight, sitting.shift.last)
        assert sitting.starts
        assert all(a < b for a, b in pairwise(sitting.starts))
        assert first <= min(walls)
        assert max(walls) <= last
        slot = restaurant.policies.slot_minutes * 60
        assert not any((shown - first).total_seconds() % slot for shown in walls)


@settings(max_examples=200)
@given(restaurant_and_date())
def test_find_sitting_is_the_inverse_of_sittings_on(case: tuple[RestaurantSpec, date]) -> None:
    restaurant, day = case
    for sitting in sittings_on(restaurant, day):
        for start in sitting.starts:
            assert find_sitting(restaurant, _moment(start)) is sitting
            assert find_sitting(restaurant, local(restaurant, start)) is sitting


@settings(max_examples=150)
@given(restaurant_and_date(), st.times())
def test_what_find_sitting_finds_is_on_offer_that_date(
    case: tuple[RestaurantSpec, date], clock: time
) -> None:
    restaurant, day = case
    quarter = clock.replace(minute=clock.minute // 15 * 15, second=0, microsecond=0)
    start = datetime.combine(day, quarter, tzinfo=UTC)
    found = find_sitting(restaurant, start)
    around = [sitting for n in (-2, -1, 0, 1) for sitting in sittings_on(restaurant, day + n * DAY)]
    number = int(start.timestamp()) // QUARTER_SECONDS
    assert [sitting for sitting in around if number in sitting.starts] == [found] * (
        found is not None
    )


@settings(max_examples=100)
@given(restaurant_and_date(), st.integers(1, 30))
def test_closures_and_special_hours_decide_which_shifts_run(
    case: tuple[RestaurantSpec, date], party_size: int
) -> None:
    restaurant, day = case
    closed = [closure.shift_key for closure in restaurant.closures if closure.on_date == day]
    has_special = any(shift.on_date == day for shift in restaurant.shifts)
    for sitting in sittings_on(restaurant, day):
        assert None not in closed
        assert sitting.shift.key not in closed
        assert (sitting.shift.on_date == day) is has_special
        first, last = book_quarters(restaurant, sitting)
        assert first == sitting.starts[0]
        assert last >= sitting.starts[-1]


@settings(max_examples=100)
@given(zone=ZONES, day=DATES)
def test_a_day_offers_each_existing_quarter_exactly_once(zone: str, day: date) -> None:
    """Full days from midnight on: no quarter of real time is lost or sold twice, DST or not."""
    restaurant = a_restaurant(a_shift("00:00", "23:45"), zone=zone)
    starts = [
        start
        for n in range(3)
        for sitting in sittings_on(restaurant, day + n * DAY)
        for start in sitting.starts
    ]
    assert len(set(starts)) == len(starts)
    # Offsets off the 15-minute grid (some zones until 1972) have no such starts at all.
    assert all(b - a == 1 for a, b in pairwise(starts)) or day.year < 1973
