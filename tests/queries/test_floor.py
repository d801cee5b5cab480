"""A restaurant as the rules use it: loaded once for each revision of its file."""

from datetime import date, time
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import Engine, update

from models.core.database.transactions import reading
from models.core.errors import NotFound
from models.entities import Closure, Combination, DiningTable
from models.queries.floor import load as floor
from models.queries.floor.load import (
    cached_restaurant,
    restaurant_by_id,
    restaurant_by_slug,
    restaurants_by_id,
)
from models.rules.restaurant.restaurant import ClosureSpec, Pacing, RestaurantSpec, TurnTime
from tests.operations.evenings import a_stand, revise
from tests.services.counting import counting
from tests.services.running.restaurant import ShiftTimes
from tests.services.running.stand import Stand

pytestmark = pytest.mark.both

OVERRIDES: dict[str, Any] = {
    "turn_times": [[2, 60], [99, 75]],
    "pacing": {"covers": 4, "parties": 2, "online_covers": None},
    "buffer_minutes": 15,
}


def read(stand: Stand) -> RestaurantSpec:
    with reading(stand.bind) as session:
        return restaurant_by_id(session, stand.restaurant.id)


def test_everything_of_the_file_is_there(db: Engine) -> None:
    lunch = ShiftTimes(first=time(12), last=time(14), weekdays=0b11, overrides=OVERRIDES)
    special = ShiftTimes(on_date=date(2026, 12, 24))
    stand = a_stand(
        db,
        shifts={"lunch": lunch, "eve": special},
        combinations={"1+2": (["2", "1"], 3, 4)},
        closed_on=[date(2026, 12, 25)],
        policies={"reminder_minutes": [60], "turn_times": [[99, 45]]},
    )
    stand.plant(
        Closure(restaurant_id=stand.restaurant.id, on_date=date(2026, 12, 26), shift_key="lunch")
    )
    restaurant = read(stand)
    ids = stand.restaurant
    assert [(area.id, area.key) for area in restaurant.areas] == [
        (ids.areas["hall"], "hall"),
        (ids.areas["terrace"], "terrace"),
    ]
    assert [(table.label, table.min_party, table.max_party) for table in restaurant.tables][
        -2:
    ] == [
        ("5", 4, 6),
        ("6", 1, 4),
    ]
    [joined] = restaurant.combinations
    assert joined.table_ids == (ids.tables["1"], ids.tables["2"])
    assert (joined.min_party, joined.max_party) == (3, 4)
    first, eve = restaurant.shifts
    assert (first.key, first.weekdays, first.first) == ("lunch", frozenset({0, 1}), time(12))
    assert first.turn_times == (TurnTime(2, 60), TurnTime(99, 75))
    assert (first.pacing, first.buffer_minutes) == (Pacing(4, 2), 15)
    assert (eve.on_date, eve.pacing, eve.turn_times) == (date(2026, 12, 24), None, None)
    assert restaurant.closures == (
        ClosureSpec(date(2026, 12, 25)),
        ClosureSpec(date(2026, 12, 26), "lunch"),
    )
    assert restaurant.policies.reminder_minutes == (60,)
    assert restaurant.policies.turn_times == (TurnTime(99, 45),)


def test_a_restaurant_known_at_its_revision_costs_one_query(db: Engine) -> None:
    stands = [a_stand(db), a_stand(db, slug="other")]
    before = [read(stand) for stand in stands]
    ids = [stand.restaurant.id for stand in stands]
    with counting(db) as statements, reading() as session:
        assert restaurants_by_id(session, ids) == dict(zip(ids, before, strict=True))
        assert restaurant_by_slug(session, "demo") is before[0]
        assert restaurant_by_id(session, ids[1]) is before[1]
    assert statements.count == 3


def test_a_new_revision_is_read_at_once(db: Engine) -> None:
    stand = a_stand(db, combinations={"1+2": (["1", "2"], 3, 4)})
    before = read(stand)
    out_of_use = update(DiningTable).where(DiningTable.label == "3").values(active=False)
    revise(stand, out_of_use, update(Combination).values(active=False))
    after = read(stand)
    assert (before.revision, after.revision) == (1, 2)
    assert "3" in {table.label for table in before.tables}
    assert "3" not in {table.label for table in after.tables}
    assert after.combinations == ()


def test_nobody_is_not_found(db: Engine) -> None:
    with reading() as session:
        with pytest.raises(NotFound):
            restaurant_by_slug(session, "nobody")
        with pytest.raises(NotFound):
            restaurant_by_id(session, 77)
        assert restaurants_by_id(session, [77]) == {}


def test_a_restaurant_seen_lately_is_given_for_two_seconds(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_stand(db)
    assert cached_restaurant("demo") is None
    with reading() as session:
        restaurant = restaurant_by_slug(session, "demo")
    with counting(db) as statements:
        assert cached_restaurant("demo") is restaurant
    assert statements.count == 0
    now = monotonic() + floor.RECENT_SECONDS + 0.1
    monkeypatch.setattr(floor, "monotonic", lambda: now)
    assert cached_restaurant("demo") is None


def test_the_memory_of_restaurants_has_a_limit(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floor, "_CACHE_LIMIT", 2)
    stands = [a_stand(db, slug=f"restaurant-{number}") for number in range(5)]
    restaurants = [read(stand) for stand in stands]
    assert [restaurant.slug for restaurant in restaurants] == [
        f"restaurant-{number}" for number in range(5)
    ]
    assert len(floor._cache) <= 2
