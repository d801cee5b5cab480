"""Public facts of a restaurant, and availability."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

import pytest

from tests.api.conftest import BERLIN, Stand
from tests.services.counting import Statements
from tests.services.servers.redis import RedisServer

Counter = Callable[[], AbstractContextManager[Statements]]


def offers(stand: Stand, *, party_size: int = 2, **headers: str) -> tuple[str, dict[str, str]]:
    day = stand.start()[:10]
    place = f"/api/v1/restaurants/demo/availability?date={day}&party_size={party_size}"
    return place, headers


def test_a_restaurant_tells_what_a_guest_may_know(stand: Stand) -> None:
    answer = stand.client.get("/api/v1/restaurants/demo")
    assert answer.status_code == 200
    assert answer.json["zone"] == "Europe/Berlin"
    assert [area["key"] for area in answer.json["areas"]] == ["hall", "terrace"]
    assert answer.json["shifts"][0]["first"] == "17:00"
    again = stand.client.get(
        "/api/v1/restaurants/demo", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304
    assert again.data == b""


@pytest.mark.both
def test_starts_come_in_the_restaurants_zone(stand: Stand) -> None:
    place, _ = offers(stand)
    answer = stand.client.get(place)
    assert answer.status_code == 200
    first = answer.json["slots"][0]
    assert first == {"start": stand.start(17), "shift": "dinner", "on_request": False}
    assert datetime.fromisoformat(first["start"]).astimezone(BERLIN).hour == 17


@pytest.mark.both
def test_a_second_look_asks_the_database_nothing(
    stand: Stand, redis: RedisServer, query_counter: Counter
) -> None:
    place, _ = offers(stand)
    stand.client.get("/api/v1/restaurants/demo/availability?date=2030-01-01&party_size=2")
    with query_counter() as first:
        fresh = stand.client.get(place)
    assert 0 < first.count <= 4
    with query_counter() as second:
        kept = stand.client.get(place)
    assert second.count == 0, second.sql
    assert kept.json == fresh.json
    assert kept.headers["ETag"] == fresh.headers["ETag"]


@pytest.mark.both
def test_a_decided_table_is_never_still_offered(stand: Stand, redis: RedisServer) -> None:
    place, _ = offers(stand, party_size=6)
    full = stand.client.get(place)
    starts = [slot["start"] for slot in full.json["slots"]]
    assert stand.start() in starts
    stand.confirmed(party_size=6)
    after = stand.client.get(place, headers={"If-None-Match": full.headers["ETag"]})
    assert after.status_code == 200
    assert stand.start() not in [slot["start"] for slot in after.json["slots"]]


def test_without_redis_it_is_slower_not_broken(stand: Stand, query_counter: Counter) -> None:
    place, _ = offers(stand)
    for _look in range(2):
        with query_counter() as statements:
            assert stand.client.get(place).json["slots"]
        assert statements.count


def test_the_area_narrows_what_is_offered(stand: Stand) -> None:
    place, _ = offers(stand, party_size=6)
    assert stand.client.get(place + "&area=terrace").json["slots"] == []
    assert stand.client.get(place + "&area=hall").json["slots"]


def test_a_party_over_the_online_limit_has_no_starts(stand: Stand) -> None:
    place, _ = offers(stand, party_size=12)
    assert stand.client.get(place).json["slots"] == []
