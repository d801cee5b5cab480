"""Starts where the clock changes: gaps, repeats, dates that never were, every zone of the world."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from models.rules.restaurant.restaurant import Policies
from models.rules.restaurant.sittings import last_quarter_of, local, sittings_on
from tests.rules.restaurants import (
    DAY,
    a_restaurant,
    a_shift,
    clocks,
    obvious_starts,
    offered,
    wall,
)


def test_mistake_5_starts_stay_right_across_a_dst_change() -> None:
    """Neither shifted nor missing: the gap is not offered, the repeated hour is offered twice."""
    restaurant = a_restaurant(a_shift("01:30", "03:15"), policies=Policies(slot_minutes=30))
    assert offered(restaurant, date(2026, 3, 28))[1] == "2026-03-28T02:00+01:00"
    assert offered(restaurant, date(2026, 3, 29)) == [
        "2026-03-29T01:30+01:00",
        "2026-03-29T03:00+02:00",
    ]
    assert offered(restaurant, date(2026, 10, 25)) == [
        "2026-10-25T01:30+02:00",
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:30+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T02:30+01:00",
        "2026-10-25T03:00+01:00",
    ]
    dinner = a_restaurant(a_shift("18:00", "21:00"))
    for day in (date(2026, 3, 29), date(2026, 3, 30), date(2026, 10, 25), date(2026, 10, 26)):
        assert clocks(dinner, day)[::4] == ["18:00", "19:00", "20:00", "21:00"]


def test_first_and_last_seating_inside_a_gap_lose_only_what_does_not_exist() -> None:
    gap = date(2026, 3, 29)
    assert clocks(a_restaurant(a_shift("02:30", "03:15")), gap) == ["03:00", "03:15"]
    assert clocks(a_restaurant(a_shift("01:45", "02:30")), gap) == ["01:45"]
    assert clocks(a_restaurant(a_shift("02:00", "02:45")), gap) == []


def test_first_and_last_seating_inside_a_repeated_hour_are_offered_both_times() -> None:
    repeat = date(2026, 10, 25)
    assert clocks(a_restaurant(a_shift("02:30", "02:45")), repeat) == ["02:30", "02:45"] * 2
    assert clocks(a_restaurant(a_shift("01:45", "02:00")), repeat) == ["01:45", "02:00", "02:00"]


def test_a_night_shift_across_the_autumn_repeat_keeps_its_wall_times() -> None:
    restaurant = a_restaurant(a_shift("23:00", "03:00"), policies=Policies(slot_minutes=60))
    expected = ["23:00", "00:00", "01:00", "02:00", "02:00", "03:00"]
    assert clocks(restaurant, date(2026, 10, 24)) == expected


@pytest.mark.parametrize(
    ("zone", "day", "first", "last", "expected"),
    [
        # half an hour of summer time
        (
            "Australia/Lord_Howe",
            date(2026, 10, 4),
            "01:30",
            "03:00",
            ["01:30", "01:45", "02:30", "02:45", "03:00"],
        ),
        (
            "Australia/Lord_Howe",
            date(2026, 4, 5),
            "01:30",
            "02:00",
            ["01:30", "01:45", "01:30", "01:45", "02:00"],
        ),
        # two hours
        ("Antarctica/Troll", date(2026, 3, 29), "00:45", "03:00", ["00:45", "03:00"]),
        # the gap begins at midnight
        ("Asia/Beirut", date(2026, 3, 29), "00:00", "01:00", ["01:00"]),
        ("Asia/Kathmandu", date(2026, 7, 10), "12:00", "12:30", ["12:00", "12:15", "12:30"]),
        # a date that never was
        ("Pacific/Apia", date(2011, 12, 30), "00:00", "23:45", []),
        # offsets off the 15-minute grid: such starts cannot be stored
        ("Africa/Monrovia", date(1971, 7, 9), "12:00", "13:00", []),
    ],
)
def test_unusual_zones(zone: str, day: date, first: str, last: str, expected: list[str]) -> None:
    assert clocks(a_restaurant(a_shift(first, last), zone=zone), day) == expected


def test_the_night_before_a_skipped_date_ends_at_midnight() -> None:
    restaurant = a_restaurant(a_shift("23:30", "00:30"), zone="Pacific/Apia")
    assert clocks(restaurant, date(2011, 12, 29)) == ["23:30", "23:45"]
    assert clocks(restaurant, date(2011, 12, 31))[0] == "23:30"


def _clocks_of_the_world(year: int) -> dict[tuple[timedelta | None, ...], str]:
    """One zone for each distinct year of offsets, day by day."""
    noons = [datetime(year, 1, 1, 12, tzinfo=UTC) + n * DAY for n in range(366)]
    return {
        tuple(noon.astimezone(ZoneInfo(zone)).utcoffset() for noon in noons): zone
        for zone in sorted(available_timezones())
    }


def test_every_zone_with_a_change_of_the_clock_offers_what_its_wall_shows() -> None:
    shifts = a_shift("00:00", "23:45"), a_shift("22:30", "04:15")
    changes = [
        (zone, date(2026, 1, 1) + (n + around) * DAY)
        for offsets, zone in _clocks_of_the_world(2026).items()
        for n, (before, after) in enumerate(pairwise(offsets))
        if before != after
        for around in (-1, 0, 1, 2)
    ]
    assert len(changes) > 200
    for zone, day in changes:
        for shift in shifts:
            restaurant = a_restaurant(shift, zone=zone)
            (sitting,) = sittings_on(restaurant, day)
            assert sitting.starts == obvious_starts(restaurant, shift, service_date=day), zone


def test_last_quarter_of_a_day_where_midnight_is_skipped_or_comes_twice() -> None:
    beirut = a_restaurant(zone="Asia/Beirut")
    assert wall(beirut, last_quarter_of(beirut, date(2026, 3, 28))).hour == 23
    assert wall(beirut, last_quarter_of(beirut, date(2026, 3, 28)) + 1).isoformat() == (
        "2026-03-29T01:00:00"
    )
    havana = a_restaurant(zone="America/Havana")  # a year that no release of the zone data changes
    day = date(2025, 11, 1)
    assert wall(havana, last_quarter_of(havana, day)).date() == date(2025, 11, 2)
    assert local(havana, last_quarter_of(havana, day) + 1).isoformat() == (
        "2025-11-02T00:00:00-05:00"
    )
