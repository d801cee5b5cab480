"""Which requests are allowed, for which actor and until when."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.core.errors import Invalid
from models.rules.reservations.requests import GuestDetails, TableRequest
from models.rules.restaurant.online_tables import online_areas, online_sizes
from models.rules.restaurant.policies import (
    bookable_quarters,
    check_request,
    finish_before,
    is_late_cancel,
    may_cancel_online,
    no_show_before,
    no_show_due,
    same_guest_conflict,
)
from models.rules.restaurant.restaurant import (
    QUARTER_SECONDS,
    ClosureSpec,
    Policies,
    RestaurantSpec,
    TableSpec,
)
from models.rules.restaurant.sittings import Sitting, local, quarter_of, sittings_on
from tests.rules.restaurants import DAY, ENDS_OF_TIME, FRIDAY, a_restaurant, a_shift, utc

#: Friday noon in Berlin; dinner is offered from 18:00 (16:00 UTC) to 21:00.
NOW = utc("2026-07-10T10:00")
DINNER = utc("2026-07-10T17:00")
TABLES = (TableSpec(1, "1", 1, 1, 8), TableSpec(2, "2", 2, 1, 8))
RESTAURANT = replace(a_restaurant(a_shift("18:00", "21:00")), tables=TABLES)


def ask(
    start: datetime = DINNER,
    *,
    restaurant: RestaurantSpec = RESTAURANT,
    party_size: int = 2,
    area: str | None = None,
    now: datetime = NOW,
    online: bool = True,
) -> Sitting:
    """Check one request."""
    request = TableRequest(party_size, start, GuestDetails("Ada", email="a@b.example"), area)
    return check_request(restaurant, request, now=now, online=online)


def accepted(start: datetime = DINNER, **asked: object) -> bool:
    """Whether the request is accepted, for a sitting with exactly this start."""
    sitting = ask(start, **asked)  # type: ignore[arg-type]
    return quarter_of(start) in sitting.starts


def refused(start: datetime = DINNER, **asked: object) -> dict[str, str]:
    """The invalid fields of the request, and why."""
    with pytest.raises(Invalid) as caught:
        ask(start, **asked)  # type: ignore[arg-type]
    assert caught.value.message == caught.value.fields[0].message
    return {problem.field: problem.message for problem in caught.value.fields}


def test_a_good_request_gets_its_sitting() -> None:
    assert ask().service_date == FRIDAY
    assert ask(area="terrace", online=False).shift is RESTAURANT.shifts[0]


@pytest.mark.parametrize("party_size", [1, 8])
def test_online_party_sizes_up_to_the_limit_are_taken(party_size: int) -> None:
    assert accepted(party_size=party_size)


def test_a_party_too_large_to_book_online_is_told_to_call() -> None:
    assert "call us" in refused(party_size=9)["party_size"]


def test_a_party_below_the_restaurants_online_minimum_is_refused() -> None:
    restaurant = a_restaurant(*RESTAURANT.shifts, policies=Policies(min_party_online=2))
    assert refused(restaurant=restaurant, party_size=1) == {"party_size": "must be at least 2"}
    assert accepted(restaurant=restaurant, party_size=1, online=False)


@pytest.mark.parametrize("party_size", [0, -1, 1000])
def test_no_party_of_the_staff_is_empty_or_a_thousand(party_size: int) -> None:
    assert refused(party_size=party_size, online=False) == {"party_size": "must be from 1 to 999"}


@pytest.mark.parametrize("party_size", [1, 9, 999])
def test_the_staff_are_not_bound_by_online_party_sizes(party_size: int) -> None:
    assert accepted(party_size=party_size, online=False)


@pytest.mark.parametrize("online", [True, False])
def test_an_unknown_area_is_refused_and_the_known_ones_named(online: bool) -> None:
    message = refused(area="roof", online=online)["area"]
    assert "room, terrace" in message


def test_a_room_whose_tables_are_for_the_staff_cannot_be_had_online() -> None:
    restaurant = replace(RESTAURANT, tables=(TABLES[0], replace(TABLES[1], online=False)))
    assert [area.key for area in online_areas(restaurant)] == ["room"]
    message = refused(area="terrace", restaurant=restaurant)["area"]
    assert message == "is not offered online; areas offered: room"
    assert accepted(area="terrace", restaurant=restaurant, online=False)
    assert online_sizes(
        replace(restaurant, tables=(replace(TABLES[0], min_party=2, max_party=4),))
    ) == (
        2,
        3,
        4,
    )


def test_every_wrong_field_is_named_at_once() -> None:
    wrong = refused(DINNER + timedelta(minutes=5), party_size=99, area="roof")
    assert list(wrong) == ["party_size", "area", "start"]


def test_mistake_6_past_starts_are_neither_offered_nor_booked() -> None:
    """One rule for offers, new requests and edits; the server's clock decides."""
    now = utc("2026-07-10T17:50")
    assert refused(DINNER, now=now) == {"start": "is in the past"}
    first, _ = bookable_quarters(RESTAURANT, now=now, online=True)
    (sitting,) = sittings_on(RESTAURANT, FRIDAY)
    offered = [start for start in sitting.starts if start >= first]
    assert [local(RESTAURANT, start).strftime("%H:%M") for start in offered] == [
        "20:30",
        "20:45",
        "21:00",
    ]
    for start in sitting.starts:
        moment = datetime.fromtimestamp(start * QUARTER_SECONDS, UTC)
        if start in offered:
            assert accepted(moment, now=now)
        else:
            assert "start" in refused(moment, now=now)


def test_lead_time_is_inclusive() -> None:
    lead = timedelta(minutes=30)
    assert accepted(now=DINNER - lead)
    too_late = DINNER - lead + timedelta(microseconds=1)
    assert refused(now=too_late) == {"start": "must be at least 30 minutes ahead"}
    assert accepted(now=too_late, online=False)


def test_without_lead_time_a_start_is_bookable_until_it_begins() -> None:
    restaurant = a_restaurant(*RESTAURANT.shifts, policies=Policies(lead_minutes=0))
    assert accepted(restaurant=restaurant, now=DINNER)
    late = DINNER + timedelta(seconds=1)
    assert refused(restaurant=restaurant, now=late) == {"start": "is in the past"}


def test_the_booking_window_ends_with_a_local_day() -> None:
    # 22:30 UTC is half past midnight of the 11th in Berlin: the window has moved on.
    evening, night = utc("2026-07-10T21:30"), utc("2026-07-10T22:30")
    start = utc("2026-09-09T17:00")
    message = refused(start, now=evening)["start"]
    assert message == "must be within 60 days, until 2026-09-08"
    assert accepted(start, now=night)
    assert accepted(start, now=evening, online=False)


def test_the_staff_may_look_back_a_day() -> None:
    assert accepted(now=DINNER + DAY, online=False)
    late = DINNER + DAY + timedelta(seconds=1)
    assert refused(now=late, online=False) == {"start": "is more than 24 hours in the past"}


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("start", ENDS_OF_TIME)
def test_the_ends_of_time_are_refused_not_an_error(start: datetime, online: bool) -> None:
    assert list(refused(start, online=online)) == ["start"]


def test_the_staff_cannot_book_where_no_book_exists() -> None:
    start = utc("2300-01-01T12:00")
    assert refused(start, online=False) == {"start": "must not be after 2243-10-17"}


def test_a_time_that_is_no_start_names_the_nearest() -> None:
    assert refused(utc("2026-07-10T16:07")) == {
        "start": "is not a start of any shift; the nearest are "
        "2026-07-10T18:00+02:00, 2026-07-10T18:15+02:00, 2026-07-10T18:30+02:00"
    }


def test_the_nearest_starts_include_those_of_the_night_before() -> None:
    restaurant = a_restaurant(a_shift("22:00", "00:30", weekdays=[4]))
    message = refused(utc("2026-07-11T00:00"), restaurant=restaurant)["start"]
    assert message.endswith(
        "2026-07-11T00:00+02:00, 2026-07-11T00:15+02:00, 2026-07-11T00:30+02:00"
    )


@pytest.mark.parametrize("online", [True, False])
def test_a_closed_day_is_called_closed(online: bool) -> None:
    restaurant = a_restaurant(*RESTAURANT.shifts, closures=(ClosureSpec(FRIDAY, reason="private"),))
    assert refused(restaurant=restaurant, online=online) == {
        "start": "the restaurant is closed on 2026-07-10"
    }


def test_one_guest_comes_twice_only_with_two_hours_between() -> None:
    policies = Policies()
    for sign in (1, -1):
        near = DINNER + sign * timedelta(minutes=119)
        assert same_guest_conflict(policies, DINNER, other=near)
        assert not same_guest_conflict(policies, DINNER, other=DINNER + sign * timedelta(hours=2))
    assert same_guest_conflict(policies, DINNER, other=DINNER)
    assert not same_guest_conflict(Policies(same_guest_gap_minutes=0), DINNER, other=DINNER)


def test_real_hours_count_also_between_two_times_of_one_zone() -> None:
    """01:30 and 03:30 on the spring night are one hour apart, whatever the wall clock says."""
    before = datetime(2026, 3, 29, 1, 30, tzinfo=RESTAURANT.tz)
    after = datetime(2026, 3, 29, 3, 30, tzinfo=RESTAURANT.tz)
    assert same_guest_conflict(Policies(), before, other=after)
    assert is_late_cancel(90, after, now=before)
    assert no_show_due(Policies(no_show_grace_minutes=60), before, now=after)
    assert not no_show_due(Policies(no_show_grace_minutes=61), before, now=after)


def test_guests_may_cancel_until_the_start_and_late_is_only_reported() -> None:
    second = timedelta(seconds=1)
    assert may_cancel_online(DINNER, now=DINNER - second)
    assert not may_cancel_online(DINNER, now=DINNER)
    cutoff = DINNER - timedelta(hours=2)
    assert not is_late_cancel(120, DINNER, now=cutoff)
    assert is_late_cancel(120, DINNER, now=cutoff + second)
    assert not is_late_cancel(0, DINNER, now=DINNER)


def test_no_show_and_finish_fall_due_after_their_grace() -> None:
    policies, second = Policies(), timedelta(seconds=1)
    grace, overstay = DINNER + timedelta(minutes=15), DINNER + timedelta(minutes=30)
    assert no_show_due(policies, DINNER, now=grace)
    assert not no_show_due(policies, DINNER, now=grace - second)
    chosen = Policies(auto_no_show=True, auto_finish=True)
    assert no_show_before(chosen, now=grace) == DINNER == finish_before(chosen, now=overstay)
    assert no_show_before(policies, now=grace) is finish_before(policies, now=overstay) is None


@settings(max_examples=60)
@given(
    zone=st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Asia/Beirut", "Pacific/Apia", "Australia/Lord_Howe"]
    ),
    now=st.timedeltas(timedelta(0), timedelta(days=365)).map(lambda past: NOW + past),
    lead=st.integers(0, 300),
    window=st.integers(0, 3),
)
def test_what_is_offered_is_exactly_what_is_accepted(
    zone: str, now: datetime, lead: int, window: int
) -> None:
    policies = replace(Policies(), lead_minutes=lead, window_days=window, slot_minutes=60)
    restaurant = a_restaurant(a_shift("00:00", "23:00"), zone=zone, policies=policies)
    today = now.astimezone(restaurant.tz).date()
    first, last = bookable_quarters(restaurant, now=now, online=True)
    for start in _starts_around(restaurant, today, days=window + 2):
        moment = datetime.fromtimestamp(start * QUARTER_SECONDS, UTC)
        within_window = moment.astimezone(restaurant.tz).date() <= today + window * DAY
        in_time = moment >= now + timedelta(minutes=lead)
        assert (first <= start <= last) is (within_window and in_time)
        if first <= start <= last:
            assert accepted(moment, restaurant=restaurant, now=now)
        else:
            assert list(refused(moment, restaurant=restaurant, now=now)) == ["start"]


def _starts_around(restaurant: RestaurantSpec, today: date, *, days: int) -> list[int]:
    return [
        start
        for n in range(-1, days)
        for sitting in sittings_on(restaurant, today + n * DAY)
        for start in sitting.starts
    ]
