"""A restaurant that counts covers, through the API and the stand's pages: no table is anywhere."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from models.core import clock
from models.core.database.transactions import reading
from models.integrity.check import findings
from models.rules.permissions import Role
from tests.api.conftest import BERLIN, Answer, Client, Stand
from tests.api.stand.test_stand_sign_in import enter
from tests.services.running.restaurant import OpenRestaurant
from web.schemas.answers import ReservationOut, RestaurantOut

PATH = "/api/v1/restaurants/demo"
POLICIES = {"door_online": True, "lead_minutes": 0, "pacing": {"covers": 500}}
Clock = Callable[[float], datetime]


@pytest.fixture
def evening(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """It is 19:00 by the restaurant's clock; `evening(10)`: ten minutes later."""
    today = clock.now().astimezone(BERLIN).date()
    seven = datetime(today.year, today.month, today.day, 19, 0, tzinfo=BERLIN)

    def set_clock(minutes: float) -> datetime:
        at = seven + timedelta(minutes=minutes)
        monkeypatch.setattr(clock, "now", lambda: at)
        return at

    set_clock(0)
    return set_clock


@pytest.fixture
def counted(
    evening: Clock,
    client: Client,
    restaurant: Callable[..., OpenRestaurant],
    make_account: Callable[..., int],
    db: Engine,
) -> Stand:
    """A counted for ten covers, with an account for each role."""
    stand = Stand(client, restaurant(covers=10, policies=POLICIES), db)
    for role in Role:
        make_account(f"{role}@example.com", {stand.restaurant.id: role.value})
    return stand


def send(counted: Stand, path: str, role: str = "host", **body: Any) -> Answer:
    headers = counted.as_staff(role) | {"Idempotency-Key": uuid.uuid4().hex}
    return counted.client.post(f"{PATH}/{path}", json=body, headers=headers)


def act(counted: Stand, made: dict[str, Any], verb: str, **body: Any) -> Answer:
    path = f"/api/v1/reservations/{made['id']}/{verb}"
    return counted.client.post(path, json=body, headers=counted.as_staff())


def starts(counted: Stand, size: int, start: str) -> list[str]:
    query = f"date={start[:10]}&party_size={size}"
    answer = counted.client.get(f"{PATH}/availability?{query}")
    return [each["start"] for each in answer.json["slots"]]


def status(counted: Stand, made: dict[str, Any]) -> str:
    answer = counted.client.get(f"/api/v1/reservations/{made['id']}", headers=counted.as_staff())
    ReservationOut.model_validate(answer.json)
    assert answer.json["tables"] == []
    return str(answer.json["status"])


@pytest.mark.both
def test_the_whole_flow_without_a_table(counted: Stand, evening: Clock) -> None:
    facts = counted.client.get(PATH).json
    RestaurantOut.model_validate(facts)
    assert (facts["capacity"], facts["areas"]) == ("covers", [])
    start = counted.start(20, days=0)
    assert start in starts(counted, 8, start)
    guests = [
        counted.confirmed(party_size=size, start=start, guest=_guest(size)) for size in (6, 3)
    ]
    waits = counted.confirmed(party_size=2, start=start, guest=_guest(2))
    assert [status(counted, each) for each in guests] == ["confirmed", "confirmed"]
    assert status(counted, waits) == "waitlisted"
    assert start in starts(counted, 1, start) and start not in starts(counted, 2, start)

    # one cancels: who waits is confirmed
    place = f"/api/v1/reservations/{guests[1]['id']}/cancel"
    assert counted.client.post(place, headers=counted.as_staff()).status_code == 200
    counted.decide()
    assert status(counted, waits) == "confirmed"

    evening(60)
    assert act(counted, guests[0], "arrive").status_code == 200
    assert act(counted, guests[0], "seat").json["status"] == "seated"
    walked_in = send(counted, "book/reservations", party_size=2, walk_in=True, start=start)
    assert walked_in.status_code == 201, walked_in.text
    assert (walked_in.json["status"], walked_in.json["tables"]) == ("seated", [])
    full = send(counted, "book/reservations", party_size=1, walk_in=True, start=start)
    assert (full.status_code, full.json["reason"]) == (409, "full")
    at_a_table = act(counted, waits, "seat", tables=["1"])
    assert (at_a_table.status_code, at_a_table.json["errors"][0]["field"]) == (422, "tables")

    evening(100)
    assert act(counted, guests[0], "finish").json["status"] == "finished"
    assert act(counted, waits, "seat").json["status"] == "seated"
    with reading(counted.db) as session:
        assert findings(session, now=evening(100), grace_seconds=10**9) == []


def _guest(number: int) -> dict[str, str]:
    return {"name": f"Guest {number}", "email": f"guest{number}@example.com"}


def test_the_staff_exceed_the_number_with_a_reason(counted: Stand) -> None:
    start = counted.start(20, days=0)
    booked: dict[str, Any] = {"start": start, "guest": {"name": "Ada"}}
    assert send(counted, "book/reservations", party_size=8, **booked).status_code == 201
    full = send(counted, "book/reservations", party_size=4, **booked)
    assert (full.status_code, full.json["reason"]) == (409, "full")
    over = booked | {"force_pacing": True, "reason": "the owner's family"}
    assert send(counted, "book/reservations", party_size=4, **over).status_code == 403
    assert send(counted, "book/reservations", "manager", party_size=4, **over).status_code == 201


def test_a_verb_that_names_tables_is_refused_with_its_field(counted: Stand) -> None:
    start = counted.start(20, days=0)
    made = send(counted, "book/reservations", party_size=2, start=start, guest={"name": "A"}).json
    for verb in ("assign", "seat"):
        answer = act(counted, made, verb, tables=["1"])
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "tables"), verb
    blocked = send(counted, "blocks", tables=["1"], reason="a leak")
    assert blocked.status_code == 422, blocked.text
    found = counted.client.get(
        f"{PATH}/book/proposals",
        query_string={"party_size": 2, "start": start},
        headers=counted.as_staff(),
    )
    assert (found.status_code, found.json["proposals"]) == (200, [])


def test_the_list_at_the_door_calls_a_party_in(counted: Stand, evening: Clock) -> None:
    start = counted.start(19, days=0)
    sits = send(counted, "book/reservations", party_size=9, start=start, guest={"name": "A"}).json
    assert act(counted, sits, "seat").status_code == 200
    made = send(counted, "door", party_size=2, guest={"name": "Ada", "phone": "+4930123456"})
    assert made.status_code == 201, made.text
    assert act(counted, made.json, "ready").status_code == 409
    assert act(counted, sits, "finish").status_code == 200
    assert act(counted, made.json, "ready").status_code == 200
    enter(counted.client)
    page = counted.client.get("/stand/demo/waits", headers={"Accept-Language": "en"}).text
    assert "called in until" in page
    assert act(counted, made.json, "seat").json["status"] == "seated"


def test_the_stand_shows_a_list_and_no_tables(counted: Stand) -> None:
    start = counted.start(20, days=0)
    counted.confirmed(party_size=6, start=start)
    sits = send(counted, "book/reservations", party_size=4, start=counted.start(19, days=0),
                guest={"name": "Bob"}).json  # fmt: skip
    assert act(counted, sits, "seat").status_code == 200
    enter(counted.client)
    english = {"Accept-Language": "en"}
    page = counted.client.get("/stand/demo", headers=english).text
    assert "4 of 10 covers in the restaurant now" in page
    assert "Ada Lovelace" in page and 'data-view="list"' in page
    assert "timeline" not in page and "/floor" not in page
    for view in ("timeline", "floor"):
        moved = counted.client.get(f"/stand/demo/{view}?date={start[:10]}")
        assert moved.status_code == 303
        assert moved.headers["Location"].endswith(f"/stand/demo?date={start[:10]}")
    panel = counted.client.get(f"/stand/demo/party/{sits['id']}", headers=english).text
    assert 'data-propose="extend"' in panel and "Choose tables" not in panel
    walk_in = counted.client.get("/stand/demo/walk-in?size=2", headers=english).text
    assert "0 of 10 covers are free for the whole turn" in walk_in and "Which table?" not in walk_in
    booking = counted.client.get(f"/stand/demo/booking?date={start[:10]}&size=2", headers=english)
    assert "full" in booking.text and "10 free" not in booking.text
    chosen = counted.client.get(
        "/stand/demo/booking", query_string={"size": 2, "start": start}, headers=english
    ).text
    assert "book-table" not in chosen and "book-name" in chosen
    evening = counted.client.get("/stand/demo/evening", headers=english).text
    assert "e-blocks" not in evening and "e-sections" not in evening and "e-online" in evening
