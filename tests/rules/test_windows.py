"""Which starts are offered: shifts, midnight, special hours, closures."""

import sys
import timeit
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from models.rules.restaurant.restaurant import House, HouseClosure, Policies, book_id
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
    a_house,
    a_shift,
    clocks,
    offered,
    utc,
    wall,
)


def keys(house: House, day: date) -> list[str]:
    """The shifts that run on a date."""
    return [sitting.shift.key for sitting in sittings_on(house, day)]


def test_a_shift_offers_its_first_and_last_seating_and_the_grid_between() -> None:
    house = a_house(a_shift("18:00", "19:00"))
    assert clocks(house, FRIDAY) == ["18:00", "18:15", "18:30", "18:45", "19:00"]


def test_a_book_is_named_by_shift_and_date() -> None:
    shift = a_shift()
    (sitting,) = sittings_on(a_house(shift), FRIDAY)
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
    house = a_house(a_shift(first, last), policies=Policies(slot_minutes=minutes))
    on_the_quarter = [clock for clock in expected if int(clock[3:]) % 15 == 0]
    assert clocks(house, FRIDAY) == on_the_quarter


def test_a_shift_whose_first_and_last_seating_are_one_has_one_start() -> None:
    assert clocks(a_house(a_shift("20:00", "20:00")), FRIDAY) == ["20:00"]


def test_a_last_seating_earlier_than_the_first_lies_after_midnight() -> None:
    house = a_house(a_shift("23:30", "00:15", weekdays=[4]))
    assert offered(house, FRIDAY) == [
        "2026-07-10T23:30+02:00",
        "2026-07-10T23:45+02:00",
        "2026-07-11T00:00+02:00",
        "2026-07-11T00:15+02:00",
    ]
    found = find_sitting(house, utc("2026-07-10T22:15"))
    assert found is not None
    assert found.service_date == FRIDAY


def test_several_shifts_come_in_the_order_in_which_they_open() -> None:
    dinner, lunch = a_shift(), a_shift("11:30", "14:00", key="lunch")
    assert keys(a_house(dinner, lunch), FRIDAY) == ["lunch", "dinner"]


def test_weekdays_and_validity_are_kept() -> None:
    shift = a_shift(weekdays=[4, 5], valid=(FRIDAY, FRIDAY + DAY))
    house = a_house(shift)
    days = [FRIDAY + n * DAY for n in (-7, -1, 0, 1, 2, 7)]
    assert [bool(sittings_on(house, day)) for day in days] == [
        False,
        False,
        True,
        True,
        False,
        False,
    ]


def test_special_hours_replace_every_regular_shift_of_their_date_only() -> None:
    brunch = a_shift("10:00", "13:00", key="brunch", on_date=FRIDAY, weekdays=[])
    house = a_house(a_shift(), a_shift("11:30", "14:00", key="lunch"), brunch)
    assert keys(house, FRIDAY) == ["brunch"]
    assert keys(house, FRIDAY + DAY) == ["lunch", "dinner"]


def test_a_closure_closes_one_shift_or_the_day() -> None:
    shifts = a_shift("11:30", "14:00", key="lunch"), a_shift()
    closures = (HouseClosure(FRIDAY, "lunch"), HouseClosure(FRIDAY + DAY))
    house = a_house(*shifts, closures=closures)
    assert keys(house, FRIDAY) == ["dinner"]
    assert keys(house, FRIDAY + DAY) == []
    assert keys(house, FRIDAY + 2 * DAY) == ["lunch", "dinner"]


def test_a_closure_of_the_day_closes_its_special_hours_too() -> None:
    house = a_house(a_shift(key="gala", on_date=FRIDAY), closures=(HouseClosure(FRIDAY),))
    assert keys(house, FRIDAY) == []
    assert find_sitting(house, utc("2026-07-10T18:00")) is None


def test_a_closed_day_does_not_take_the_night_of_the_day_before() -> None:
    house = a_house(a_shift("22:00", "01:00"), closures=(HouseClosure(FRIDAY + DAY),))
    assert find_sitting(house, utc("2026-07-10T22:30")) is not None
    assert find_sitting(house, utc("2026-07-11T20:30")) is None


def test_a_start_that_two_shifts_offer_belongs_to_the_one_that_opens_first() -> None:
    lunch, dinner = a_shift("12:00", "15:00", key="lunch"), a_shift("15:00", "16:00")
    house = a_house(dinner, lunch)
    found = find_sitting(house, utc("2026-07-10T13:00"))
    assert found is not None
    assert found.shift is lunch
    assert "15:00" not in clocks(house, FRIDAY)[-4:]


def test_a_start_after_midnight_belongs_to_the_night_before() -> None:
    night, early = a_shift("22:00", "01:00", key="night"), a_shift("00:30", "00:45", key="early")
    house = a_house(night, early)
    assert keys(house, FRIDAY) == ["night"]
    found = find_sitting(house, utc("2026-07-10T22:30"))
    assert found is not None
    assert (found.shift.key, found.service_date) == ("night", FRIDAY)


@pytest.mark.parametrize(
    "start", ["2026-07-10T15:45", "2026-07-10T16:07", "2026-07-10T16:00:00.5", "2026-07-10T19:15"]
)
def test_find_sitting_takes_nothing_but_an_exact_start(start: str) -> None:
    assert find_sitting(a_house(a_shift()), utc(start)) is None


def test_find_sitting_reads_any_offset() -> None:
    start = datetime(2026, 7, 11, 1, 0, tzinfo=timezone(timedelta(hours=9)))
    assert find_sitting(a_house(a_shift()), start) is not None


@pytest.mark.parametrize("start", ENDS_OF_TIME)
def test_the_ends_of_time_are_no_starts(start: datetime) -> None:
    assert find_sitting(a_house(a_shift("00:00", "23:45")), start) is None


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago"])
def test_dates_without_a_book_number_offer_nothing(zone: str) -> None:
    house = a_house(a_shift("00:00", "23:45"), zone=zone)
    for day in (date.min, date(1970, 1, 1), date(2243, 10, 17), date.max):
        assert sittings_on(house, day) == ()
    assert find_sitting(house, datetime.fromtimestamp(0, UTC)) is None
    assert find_sitting(house, datetime.fromtimestamp(LAST_QUARTER * 900 + 900, UTC)) is None
    assert sittings_on(house, date(2243, 10, 16)) != ()


def test_book_quarters_reach_to_the_end_of_the_longest_turn_and_its_buffer() -> None:
    house = a_house(a_shift("18:00", "21:00", buffer_minutes=15))
    (sitting,) = sittings_on(house, FRIDAY)
    first, last = book_quarters(house, sitting)
    assert wall(house, first).isoformat() == "2026-07-10T18:00:00"
    # 21:00 + 150 minutes + 15 minutes: the last quarter in use begins at 23:30.
    assert wall(house, last).isoformat() == "2026-07-10T23:30:00"


def test_local_and_quarter_of_are_inverse() -> None:
    house = a_house()
    quarter = quarter_of(utc("2026-10-25T01:20"))
    assert local(house, quarter).isoformat() == "2026-10-25T02:15:00+01:00"
    assert quarter_of(local(house, quarter)) == quarter


def test_answers_are_remembered_with_the_house_and_the_memory_is_bounded() -> None:
    house, twin = a_house(a_shift()), a_house()
    assert sittings_on(house, FRIDAY) is sittings_on(house, FRIDAY)
    assert sittings_on(twin, FRIDAY) == ()
    for n in range(1_100):
        sittings_on(house, FRIDAY + n * DAY)
    assert len(house.__dict__["_sittings"].by_date) <= 1_000
    assert find_sitting(house, utc("2026-07-10T16:00")) is not None


def test_a_remembered_answer_is_cheap_enough_for_the_hot_path() -> None:
    house, start = a_house(a_shift()), utc("2026-07-10T16:00")
    find_sitting(house, start)
    rounds = 2_000
    best = min(timeit.repeat(lambda: find_sitting(house, start), number=rounds, repeat=5))
    # Meant: under 5 us. A tracer (coverage) costs several times that, a busy machine too.
    assert best / rounds < (200e-6 if sys.gettrace() else 25e-6)
