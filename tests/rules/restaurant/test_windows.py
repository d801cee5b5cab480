"""Which starts are offered: shifts, midnight, special hours, closures."""

import sys
import timeit
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from models.rules.restaurant.restaurant import ClosureSpec, Policies, RestaurantSpec, book_id
from models.rules.restaurant.sittings import (
    LAST_QUARTER,
    book_quarters,
    find_sitting,
    local,
    quarter_of,
    sittings_on,
)
from tests.rules.restaurants import (
    DAY,
    ENDS_OF_TIME,
    FRIDAY,
    a_restaurant,
    a_shift,
    clocks,
    offered,
    utc,
    wall,
)


def keys(restaurant: RestaurantSpec, day: date) -> list[str]:
    """The shifts that run on a date."""
    return [sitting.shift.key for sitting in sittings_on(restaurant, day)]


def test_a_shift_offers_its_first_and_last_seating_and_the_grid_between() -> None:
    restaurant = a_restaurant(a_shift("18:00", "19:00"))
    assert clocks(restaurant, FRIDAY) == ["18:00", "18:15", "18:30", "18:45", "19:00"]


def test_a_book_is_named_by_shift_and_date() -> None:
    shift = a_shift()
    (sitting,) = sittings_on(a_restaurant(shift), FRIDAY)
    assert (sitting.book_id, sitting.shift, sitting.service_date) == (
        book_id(shift.id, FRIDAY),
        shift,
        FRIDAY,
    )


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (15, ["18:10", "18:25", "18:40"]),
        (20, ["18:10", "18:30"]),
        (30, ["18:00", "18:30", "19:00"]),
        (60, ["18:00", "19:00"]),
    ],
)
def test_slots_are_counted_from_the_first_seating(minutes: int, expected: list[str]) -> None:
    first, last = expected[0], expected[-1]
    restaurant = a_restaurant(a_shift(first, last), policies=Policies(slot_minutes=minutes))
    on_the_quarter = [clock for clock in expected if int(clock[3:]) % 15 == 0]
    assert clocks(restaurant, FRIDAY) == on_the_quarter


def test_a_shift_whose_first_and_last_seating_are_one_has_one_start() -> None:
    assert clocks(a_restaurant(a_shift("20:00", "20:00")), FRIDAY) == ["20:00"]


def test_a_last_seating_earlier_than_the_first_lies_after_midnight() -> None:
    restaurant = a_restaurant(a_shift("23:30", "00:15", weekdays=[4]))
    assert offered(restaurant, FRIDAY) == [
        "2026-07-10T23:30+02:00",
        "2026-07-10T23:45+02:00",
        "2026-07-11T00:00+02:00",
        "2026-07-11T00:15+02:00",
    ]
    found = find_sitting(restaurant, utc("2026-07-10T22:15"))
    assert found is not None
    assert found.service_date == FRIDAY


def test_several_shifts_come_in_the_order_in_which_they_open() -> None:
    dinner, lunch = a_shift(), a_shift("11:30", "14:00", key="lunch")
    assert keys(a_restaurant(dinner, lunch), FRIDAY) == ["lunch", "dinner"]


def test_weekdays_and_validity_are_kept() -> None:
    shift = a_shift(weekdays=[4, 5], valid=(FRIDAY, FRIDAY + DAY))
    restaurant = a_restaurant(shift)
    days = [FRIDAY + n * DAY for n in (-7, -1, 0, 1, 2, 7)]
    assert [bool(sittings_on(restaurant, day)) for day in days] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]


def test_special_hours_replace_every_regular_shift_of_their_date_only() -> None:
    brunch = a_shift("10:00", "13:00", key="brunch", on_date=FRIDAY, weekdays=[])
    restaurant = a_restaurant(a_shift(), a_shift("11:30", "14:00", key="lunch"), brunch)
    assert keys(restaurant, FRIDAY) == ["brunch"]
    assert keys(restaurant, FRIDAY + DAY) == ["lunch", "dinner"]


def test_a_closure_closes_one_shift_or_the_day() -> None:
    shifts = a_shift("11:30", "14:00", key="lunch"), a_shift()
    closures = (ClosureSpec(FRIDAY, "lunch"), ClosureSpec(FRIDAY + DAY))
    restaurant = a_restaurant(*shifts, closures=closures)
    assert keys(restaurant, FRIDAY) == ["dinner"]
    assert keys(restaurant, FRIDAY + DAY) == []
    assert keys(restaurant, FRIDAY + 2 * DAY) == ["lunch", "dinner"]


def test_a_closure_of_the_day_closes_its_special_hours_too() -> None:
    restaurant = a_restaurant(a_shift(key="gala", on_date=FRIDAY), closures=(ClosureSpec(FRIDAY),))
    assert keys(restaurant, FRIDAY) == []
    assert find_sitting(restaurant, utc("2026-07-10T18:00")) is None


def test_a_closed_day_does_not_take_the_night_of_the_day_before() -> None:
    restaurant = a_restaurant(a_shift("22:00", "01:00"), closures=(ClosureSpec(FRIDAY + DAY),))
    assert find_sitting(restaurant, utc("2026-07-10T22:30")) is not None
    assert find_sitting(restaurant, utc("2026-07-11T20:30")) is None


def test_a_start_that_two_shifts_offer_belongs_to_the_one_that_opens_first() -> None:
    lunch, dinner = a_shift("12:00", "15:00", key="lunch"), a_shift("15:00", "16:00")
    restaurant = a_restaurant(dinner, lunch)
    found = find_sitting(restaurant, utc("2026-07-10T13:00"))
    assert found is not None
    assert found.shift is lunch
    assert "15:00" not in clocks(restaurant, FRIDAY)[-4:]


def test_a_start_after_midnight_belongs_to_the_night_before() -> None:
    night, early = a_shift("22:00", "01:00", key="night"), a_shift("00:30", "00:45", key="early")
    restaurant = a_restaurant(night, early)
    assert keys(restaurant, FRIDAY) == ["night"]
    found = find_sitting(restaurant, utc("2026-07-10T22:30"))
    assert found is not None
    assert (found.shift.key, found.service_date) == ("night", FRIDAY)


@pytest.mark.parametrize(
    "start", ["2026-07-10T15:45", "2026-07-10T16:07", "2026-07-10T16:00:00.5", "2026-07-10T19:15"]
)
def test_find_sitting_takes_nothing_but_an_exact_start(start: str) -> None:
    assert find_sitting(a_restaurant(a_shift()), utc(start)) is None


def test_find_sitting_reads_any_offset() -> None:
    start = datetime(2026, 7, 11, 1, 0, tzinfo=timezone(timedelta(hours=9)))
    assert find_sitting(a_restaurant(a_shift()), start) is not None


@pytest.mark.parametrize("start", ENDS_OF_TIME)
def test_the_ends_of_time_are_no_starts(start: datetime) -> None:
    assert find_sitting(a_restaurant(a_shift("00:00", "23:45")), start) is None


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago"])
def test_dates_without_a_book_number_offer_nothing(zone: str) -> None:
    restaurant = a_restaurant(a_shift("00:00", "23:45"), zone=zone)
    for day in (date.min, date(1970, 1, 1), date(2243, 10, 17), date.max):
        assert sittings_on(restaurant, day) == ()
    assert find_sitting(restaurant, datetime.fromtimestamp(0, UTC)) is None
    assert find_sitting(restaurant, datetime.fromtimestamp(LAST_QUARTER * 900 + 900, UTC)) is None
    assert sittings_on(restaurant, date(2243, 10, 16)) != ()


def test_book_quarters_reach_to_the_end_of_the_longest_turn_and_its_buffer() -> None:
    restaurant = a_restaurant(a_shift("18:00", "21:00", buffer_minutes=15))
    (sitting,) = sittings_on(restaurant, FRIDAY)
    first, last = book_quarters(restaurant, sitting)
    assert wall(restaurant, first).isoformat() == "2026-07-10T18:00:00"
    # 21:00 + 150 minutes + 15 minutes: the last quarter in use begins at 23:30.
    assert wall(restaurant, last).isoformat() == "2026-07-10T23:30:00"


def test_local_and_quarter_of_are_inverse() -> None:
    restaurant = a_restaurant()
    quarter = quarter_of(utc("2026-10-25T01:20"))
    assert local(restaurant, quarter).isoformat() == "2026-10-25T02:15:00+01:00"
    assert quarter_of(local(restaurant, quarter)) == quarter


def test_answers_are_remembered_with_the_restaurant_and_the_memory_is_bounded() -> None:
    restaurant, twin = a_restaurant(a_shift()), a_restaurant()
    assert sittings_on(restaurant, FRIDAY) is sittings_on(restaurant, FRIDAY)
    assert sittings_on(twin, FRIDAY) == ()
    for n in range(1_100):
        sittings_on(restaurant, FRIDAY + n * DAY)
    assert len(restaurant.__dict__["_sittings"].by_date) <= 1_000
    assert find_sitting(restaurant, utc("2026-07-10T16:00")) is not None


def test_a_remembered_answer_is_cheap_enough_for_the_hot_path() -> None:
    restaurant, start = a_restaurant(a_shift()), utc("2026-07-10T16:00")
    find_sitting(restaurant, start)
    rounds = 2_000
    best = min(timeit.repeat(lambda: find_sitting(restaurant, start), number=rounds, repeat=5))
    # Intended: under 5 us. A tracer (coverage) costs several times that, a busy machine too.
    assert best / rounds < (200e-6 if sys.gettrace() else 25e-6)
