"""Availability: offers equal what a decision would confirm; cached, and never stale."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from models.core.database.transactions import reading, transaction
from models.core.redis import signals
from models.core.settings import settings
from models.entities import Closure, Reservation
from models.operations.deciding.allocation import decide_waiting
from models.operations.reservations.booking import request_reservation
from models.queries.deciding.availability import (
    Slot,
    cached_availability,
    keep_availability,
)
from models.queries.floor.load import restaurant_by_id
from models.rules.flags import Flag
from models.rules.reservations.requests import GuestDetails, TableRequest
from models.rules.restaurant.policies import bookable_quarters
from models.rules.restaurant.restaurant import RestaurantSpec
from models.rules.restaurant.sittings import quarter_of, sittings_on
from tests.operations.evenings import (
    HOUR,
    LUNCH_AND_DINNER,
    ONE_TABLE,
    QUARTER,
    UNPACED,
    a_stand,
    revise,
    set_now,
)
from tests.services.counting import counting
from tests.services.running.offers import availability
from tests.services.running.restaurant import ShiftTimes
from tests.services.running.stand import NOW, START, Stand
from tests.services.servers.redis import RedisServer

FRIDAY = START.date()
DINNER = START - 2 * HOUR  # 17:00 in Berlin


def restaurant_of(stand: Stand) -> RestaurantSpec:
    with reading(stand.bind) as session:
        return restaurant_by_id(session, stand.restaurant.id)


def slots(stand: Stand, party_size: int = 2, *, now: Any = NOW, **more: Any) -> list[datetime]:
    """Return the offered starts, read from the database without the cache."""
    wish: dict[str, Any] = {"on_date": FRIDAY, "party_size": party_size, "now": now} | more
    with reading(stand.bind) as session:
        found = availability(session, restaurant_by_id(session, stand.restaurant.id), **wish)
    assert [slot.quarter for slot in found] == [quarter_of(slot.starts_at) for slot in found]
    return [slot.starts_at for slot in found]


def every_quarter(first: datetime, last: datetime) -> list[datetime]:
    return [first + number * QUARTER for number in range((last - first) // QUARTER + 1)]


@pytest.mark.both
def test_an_empty_book_offers_every_start(db: Engine) -> None:
    stand = a_stand(db)
    assert slots(stand) == every_quarter(DINNER, DINNER + 18 * QUARTER)
    revise(stand, Closure(restaurant_id=stand.restaurant.id, on_date=FRIDAY))
    assert slots(stand) == []
    assert slots(stand, on_date=FRIDAY + timedelta(days=1))


@pytest.mark.both
def test_what_is_taken_is_not_offered_and_comes_back(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number = stand.ask()
    free = every_quarter(DINNER, DINNER + 18 * QUARTER)
    assert slots(stand) == [start for start in free if abs(start - START) >= 6 * QUARTER]
    stand.cancel(number)
    assert slots(stand) == free


@pytest.mark.both
@pytest.mark.parametrize(
    ("more", "offered"),
    [
        ({"area_key": "terrace"}, True),
        ({"area_key": "moon"}, False),
        ({"party_size": 6}, True),
        ({"party_size": 7}, False),
        ({"party_size": 5, "area_key": "terrace"}, False),
        ({"party_size": 9}, False),
        ({"party_size": 0}, False),
        ({"on_date": date(2026, 3, 1)}, False),
        ({"on_date": date(2026, 5, 1)}, True),
        ({"on_date": date(2026, 5, 2)}, False),
        ({"on_date": date.min}, False),
        ({"on_date": date.max}, False),
    ],
)
def test_which_parties_can_be_seated_where_and_when(
    db: Engine, more: dict[str, Any], offered: bool
) -> None:
    stand = a_stand(db)
    assert bool(slots(stand, **more)) is offered


@pytest.mark.both
def test_mistake_6_starts_within_the_lead_time_are_not_offered(db: Engine) -> None:
    stand = a_stand(db)
    last = DINNER + 18 * QUARTER
    for minutes, first in ((-30, START), (-29, START + QUARTER), (0, START + 2 * QUARTER)):
        now = START + timedelta(minutes=minutes)
        assert slots(stand, now=now) == every_quarter(first, last)
    assert slots(stand, now=last) == []


@pytest.mark.both
def test_mistake_5_the_night_the_clocks_change_offers_what_there_is(db: Engine) -> None:
    night = ShiftTimes(first=time(1), last=time(4), ends=time(6))
    stand = a_stand(db, shifts={"night": night})
    spring, autumn = date(2026, 3, 29), date(2026, 10, 25)
    assert len(slots(stand, on_date=spring)) == 9  # 01:00 to 01:45, 03:00 to 04:00
    later = datetime(2026, 10, 1, tzinfo=UTC)
    assert len(slots(stand, on_date=autumn, now=later)) == 17  # the hour from 02:00 repeats


@pytest.mark.both
def test_lunchs_last_turns_are_taken_from_dinners_offers(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, shifts=LUNCH_AND_DINNER)
    stand.ask(start=DINNER - HOUR)  # until 17:30
    offered = slots(stand)
    assert DINNER + QUARTER not in offered
    assert DINNER + 2 * QUARTER in offered
    restaurant = restaurant_of(stand)
    with reading() as session:
        found = availability(session, restaurant, on_date=FRIDAY, party_size=2, now=NOW)
    assert {slot.shift_key for slot in found} == {"lunch", "dinner"}


def _would_be(stand: Stand, start: datetime, party_size: int, area: str | None) -> str:
    """Decide a request, return its status, and roll back."""
    wish = TableRequest(party_size, start, GuestDetails("Ada", "ada@example.com"), area_key=area)
    with Session(stand.bind) as session:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        made = request_reservation(
            session.connection(), restaurant, request=wish, key="p", body=b"", now=NOW
        )
        decide_waiting(session, restaurant.id % settings().lanes, now=NOW, limit=10)
        status = session.get_one(Reservation, made.reservation_id, populate_existing=True).status
        session.rollback()
    return status


@pytest.mark.both
@pytest.mark.parametrize("moving", [True, False])
@pytest.mark.parametrize(("party_size", "area"), [(2, None), (4, None), (3, "terrace"), (6, None)])
def test_what_is_offered_would_be_confirmed(
    db: Engine, party_size: int, area: str | None, *, moving: bool
) -> None:
    pacing = {"pacing": {"covers": 12, "parties": 4, "online_covers": 10}, "buffer_minutes": 15}
    joined = {"3+4": (["3", "4"], 5, 8)}
    shifts = LUNCH_AND_DINNER
    stand = a_stand(db, policies=pacing, combinations=joined, shifts=shifts)
    if not moving:
        set_now(stand, Flag.RE_SEATING, percent=0)
    for number in range(36):
        late_lunch = number % 6 == 0
        start = DINNER - HOUR if late_lunch else DINNER + number * 5 % 19 * QUARTER
        stand.request(1 + number % 7, start=start)
    stand.drain()
    offered = slots(stand, party_size, area_key=area)
    restaurant = restaurant_of(stand)
    every = [start for sitting in sittings_on(restaurant, FRIDAY) for start in sitting.starts]
    moments = [datetime.fromtimestamp(quarter * 900, UTC) for quarter in every]
    confirmed = [
        moment for moment in moments if _would_be(stand, moment, party_size, area) == "confirmed"
    ]
    # a decision may re-seat other parties, which an offer does not consider
    assert set(offered) <= set(confirmed) if moving else offered == confirmed
    assert 0 < len(offered) < len(moments)


@pytest.mark.both
@pytest.mark.parametrize(("parties", "moving"), [(1, 0), (200, 2), (500, 2)])
def test_mistake_11_availability_does_not_grow_with_the_book(
    db: Engine, parties: int, moving: int
) -> None:
    tables = {str(number): ("hall", 1, 2) for number in range(60)}
    stand = a_stand(db, tables=tables, shifts=LUNCH_AND_DINNER)
    for number in range(parties):
        stand.request(start=DINNER + number % 12 * QUARTER)
    stand.drain()
    slots(stand)  # caches the restaurant
    with counting(db) as statements:
        slots(stand)
    # restaurant, tables, pacing; in a full book also which parties may be re-seated, and from where
    assert [text.split()[0] for text in statements.sql] == ["SELECT"] * (3 + moving)


@pytest.mark.both
def test_a_start_for_which_somebody_must_move_is_offered(db: Engine) -> None:
    stand = a_stand(db, tables={"1": ("hall", 1, 2), "2": ("hall", 1, 4)})
    first, second = stand.ask(), stand.ask()
    stand.cancel(first)
    assert START in slots(stand, party_size=4)
    fours = stand.ask(4)
    assert stand.row(fours).status == "confirmed"
    assert START not in slots(stand, party_size=4)
    assert second


# --- the cache


@pytest.fixture
def stand(db: Engine, redis: RedisServer) -> Stand:
    """A restaurant with one table, and Redis."""
    return a_stand(db, tables=ONE_TABLE)


@pytest.fixture(autouse=True)
def nothing_owed() -> Iterator[None]:
    """Drop invalidations that a test's dead Redis missed, so that they do not affect the next."""
    yield
    signals._owed.clear()


def cached(
    stand: Stand, restaurant: RestaurantSpec, *, now: Any = NOW
) -> list[Slot] | signals.Miss:
    return cached_availability(restaurant, on_date=FRIDAY, party_size=2, now=now)


def keep(stand: Stand, restaurant: RestaurantSpec, miss: signals.Miss) -> list[Slot]:
    with reading(stand.bind) as session:
        return keep_availability(session, restaurant, miss, on_date=FRIDAY, party_size=2, now=NOW)


def warm(stand: Stand) -> tuple[RestaurantSpec, list[Slot]]:
    """Fill the cache. Return the restaurant and the cached offers."""
    restaurant = restaurant_of(stand)
    miss = cached(stand, restaurant)
    assert isinstance(miss, signals.Miss)
    assert miss.generation is not None
    found = keep(stand, restaurant, miss)
    assert cached(stand, restaurant) == found
    return restaurant, found


@pytest.mark.both
def test_what_was_worked_out_once_costs_no_query(stand: Stand) -> None:
    restaurant, found = warm(stand)
    with counting(stand.bind) as statements:
        assert cached(stand, restaurant) == found
    assert statements.count == 0
    assert [slot.starts_at for slot in found] == slots(stand)
    assert {slot.shift_key for slot in found} == {"dinner"}


@pytest.mark.both
def test_cached_starts_go_when_their_hour_comes(stand: Stand) -> None:
    restaurant, _ = warm(stand)
    kept = cached(stand, restaurant, now=START)
    assert isinstance(kept, list)
    first, _ = bookable_quarters(restaurant, now=START, online=True)
    assert kept[0].quarter == first


def _book(stand: Stand) -> None:
    stand.book()


def _ask(stand: Stand) -> None:
    stand.ask()


@pytest.mark.both
@pytest.mark.parametrize("write", [_book, _ask], ids=["staff", "worker"])
def test_a_decided_reservation_is_never_still_offered(stand: Stand, write: Any) -> None:
    restaurant, before = warm(stand)
    write(stand)
    miss = cached(stand, restaurant)
    assert isinstance(miss, signals.Miss)
    assert len(keep(stand, restaurant, miss)) < len(before)


@pytest.mark.both
def test_what_is_free_again_is_offered_again(stand: Stand) -> None:
    first = stand.ask()
    restaurant, before = warm(stand)
    stand.cancel(first)
    assert isinstance(cached(stand, restaurant), signals.Miss)
    _, after = warm(stand)
    assert len(after) > len(before)
    stand.change(stand.ask(), starts_at=START + 4 * QUARTER)
    restaurant, moved = warm(stand)
    assert quarter_of(START) - 2 in {slot.quarter for slot in moved}


@pytest.mark.both
def test_a_declined_request_leaves_the_cache_alone(stand: Stand) -> None:
    stand.ask()
    restaurant, found = warm(stand)
    stand.ask(waitlist=False)
    assert cached(stand, restaurant) == found


@pytest.mark.both
def test_another_date_and_another_restaurant_keep_their_offers(db: Engine, stand: Stand) -> None:
    other = a_stand(db, tables=ONE_TABLE, slug="other")
    restaurant, found = warm(stand)
    stand.ask(start=START + timedelta(days=1))
    other.ask()
    assert cached(stand, restaurant) == found


@pytest.mark.both
def test_a_new_file_of_the_restaurant_has_offers_of_its_own(stand: Stand) -> None:
    warm(stand)
    revise(stand, Closure(restaurant_id=stand.restaurant.id, on_date=FRIDAY))
    assert warm(stand)[1] == []


@pytest.mark.both
def test_an_offer_worked_out_while_a_decision_commits_is_never_read(stand: Stand) -> None:
    """The reader queries before the decision, and stores its result after it."""
    restaurant = restaurant_of(stand)
    miss = cached(stand, restaurant)
    assert isinstance(miss, signals.Miss)
    with reading(stand.bind) as session:
        old = availability(session, restaurant, on_date=FRIDAY, party_size=2, now=NOW)
    stand.ask()
    pairs = b"[" + b",".join(b'[%d,"dinner"]' % slot.quarter for slot in old) + b"]"
    assert miss.generation is not None
    signals.cache_put(miss.generation, miss.name, pairs)
    assert isinstance(cached(stand, restaurant), signals.Miss)


@pytest.mark.both
def test_while_a_decision_commits_nothing_is_kept(stand: Stand) -> None:
    restaurant, _ = warm(stand)
    signals.mark_changing([(restaurant.id, FRIDAY.isoformat())])
    miss = cached(stand, restaurant)
    assert isinstance(miss, signals.Miss)
    assert miss.generation is None
    assert keep(stand, restaurant, miss)
    assert isinstance(cached(stand, restaurant), signals.Miss)


@pytest.mark.both
def test_from_before_the_commit_on_nothing_is_kept(stand: Stand) -> None:
    restaurant, _ = warm(stand)
    seen: list[bytes | None] = []

    def look(_connection: object) -> None:
        seen.append(signals.cache_generation(restaurant.id, FRIDAY.isoformat()))

    number = stand.request()
    event.listen(stand.bind, "commit", look)
    stand.drain()
    event.remove(stand.bind, "commit", look)
    assert seen[0] is None
    assert stand.row(number).status == "confirmed"
    assert signals.cache_generation(restaurant.id, FRIDAY.isoformat())


@pytest.mark.both
def test_a_rolled_back_decision_only_makes_offers_slower(stand: Stand) -> None:
    restaurant, _ = warm(stand)
    with pytest.raises(ZeroDivisionError), transaction(stand.bind) as session:
        request = TableRequest(2, START, GuestDetails("Ada", "ada@example.com"))
        request_reservation(
            session.connection(), restaurant, request=request, key="k", body=b"", now=NOW
        )
        decide_waiting(session, restaurant.id % settings().lanes, now=NOW, limit=10)
        _ = 1 // 0
    assert isinstance(cached(stand, restaurant), list)


@pytest.mark.both
def test_without_redis_offers_come_from_the_database(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    restaurant = restaurant_of(stand)
    miss = cached(stand, restaurant)
    assert isinstance(miss, signals.Miss)
    assert miss.generation is None
    assert [slot.starts_at for slot in keep(stand, restaurant, miss)] == slots(stand)


@pytest.mark.both
@pytest.mark.parametrize("wiped", ["flush", "restart"])
def test_a_wiped_redis_begins_afresh(stand: Stand, redis: RedisServer, wiped: str) -> None:
    restaurant, _ = warm(stand)
    if wiped == "restart":
        redis.kill()
        assert isinstance(cached(stand, restaurant), signals.Miss)
        redis.start()
        signals.breaker._until = 0.0
    redis.flush()
    assert isinstance(cached(stand, restaurant), signals.Miss)
    warm(stand)


NIGHT = {
    "breakfast": ShiftTimes(first=time(2), last=time(9), ends=time(11)),
    "night": ShiftTimes(first=time(22), last=time(1), ends=time(3)),
}


@pytest.mark.both
@pytest.mark.parametrize("day", [0, 1], ids=["the night before", "the morning after"])
def test_dates_that_share_tables_overnight_are_not_cached(
    db: Engine, redis: RedisServer, day: int
) -> None:
    """A night's last turn extends into breakfast, which is in the next date's book."""
    policies = UNPACED | {"max_party_online": 8}
    stand = a_stand(db, tables=ONE_TABLE, shifts=NIGHT, policies=policies)
    restaurant, on_date = restaurant_of(stand), FRIDAY + timedelta(days=day)
    for _ in range(2):
        miss = cached_availability(restaurant, on_date=on_date, party_size=2, now=NOW)
        assert isinstance(miss, signals.Miss)
        assert miss.generation is None
    one_o_clock, two_o_clock = START + 6 * HOUR, START + 7 * HOUR
    stand.ask(start=one_o_clock)
    assert two_o_clock not in slots(stand, on_date=FRIDAY + timedelta(days=1))
