"""A guest requests a table, waits for the decision, views, changes and cancels it."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from models.core.database.transactions import transaction
from models.entities import Reservation
from tests.api.conftest import Stand
from tests.services.counting import Statements
from tests.services.running.process import wait_until
from tests.services.servers.redis import RedisServer

Counter = Callable[[], AbstractContextManager[Statements]]


def guest(body: dict[str, Any]) -> dict[str, str]:
    return {"Manage-Token": body["manage_token"]}


@pytest.mark.both
def test_a_request_is_written_down_and_decided(stand: Stand) -> None:
    answer = stand.ask(note="by the window")
    assert answer.status_code == 202
    body = answer.json
    assert body["status"] == "requested"
    assert body["start"] == stand.start()
    assert body["manage_url"].endswith(f"/manage/{body['manage_token']}")
    assert answer.headers["Location"] == f"/api/v1/reservations/{body['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert stand.decide() == 1
    seen = stand.client.get(answer.headers["Location"], headers=guest(body))
    assert seen.status_code == 200
    assert seen.json["status"] == "confirmed"
    assert seen.json["reference"] == body["reference"]
    assert seen.json["note"] == "by the window"
    assert "tables" not in seen.json


@pytest.mark.both
def test_a_request_costs_at_most_three_statements(stand: Stand, query_counter: Counter) -> None:
    stand.ask()  # caches the restaurant for two seconds
    with query_counter() as statements:
        assert stand.ask().status_code == 202
    assert statements.count <= 3, statements.sql  # restaurant's revision, key, reservation
    assert len(statements.of("INSERT")) == 2


@pytest.mark.both
def test_the_same_key_and_body_give_the_same_answer(stand: Stand) -> None:
    first, again = stand.ask(key="k-1"), stand.ask(key="k-1")
    assert again.status_code == first.status_code == 202
    assert again.json == first.json
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    stand.decide()
    late = stand.ask(key="k-1")
    assert late.status_code == 202
    assert late.json == first.json | {"status": "confirmed"}
    waited = stand.ask(key="k-1", prefer="wait=2")
    assert waited.status_code == 201
    assert waited.json["status"] == "confirmed"


@pytest.mark.both
def test_the_same_key_with_another_body_is_refused(stand: Stand) -> None:
    stand.ask(key="k-1")
    other = stand.ask(key="k-1", party_size=4)
    assert other.status_code == 422
    assert other.json["code"] == "idempotency-key-reused"


def test_a_refused_request_leaves_its_key_free(stand: Stand) -> None:
    assert stand.ask(key="k-1", party_size=99).status_code == 422
    assert stand.ask(key="k-1").status_code == 202


def test_a_waiting_caller_gets_the_decision(stand: Stand, redis: RedisServer) -> None:
    def work() -> None:
        wait_until(stand.decide, seconds=10, what="something to decide")

    worker = threading.Thread(target=work)
    begun = time.monotonic()
    worker.start()
    answer = stand.ask(prefer="respond-async, wait=8")
    worker.join()
    assert time.monotonic() - begun < 4
    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "wait=8"
    assert answer.json["status"] == "confirmed"


def test_a_caller_that_waits_in_vain_gets_202(stand: Stand, redis: RedisServer) -> None:
    answer = stand.ask(prefer="wait=1")
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers
    assert answer.json["status"] == "requested"


@pytest.mark.parametrize("prefer", ["wait", "wait=", "wait=soon", "wait=-5", "x;;=,", "wait=99999"])
def test_a_broken_preference_is_ignored(stand: Stand, prefer: str) -> None:
    assert stand.ask(prefer=prefer).status_code == 202


def test_without_redis_a_waiting_caller_is_answered_at_once(stand: Stand) -> None:
    begun = time.monotonic()
    assert stand.ask(prefer="wait=5").status_code == 202
    assert time.monotonic() - begun < 3


@pytest.mark.both
def test_note_and_guest_change_at_once(stand: Stand) -> None:
    body = stand.confirmed()
    place = f"/api/v1/reservations/{body['id']}"
    patch = {"note": "two chairs", "guest": {"phone": "+49 30 901820"}}
    answer = stand.client.patch(place, json=patch, headers=guest(body))
    assert answer.status_code == 200, answer.text
    assert answer.json["note"] == "two chairs"
    assert answer.json["guest"] == {
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "phone": "+4930901820",
        "locale": "en",
    }
    assert answer.headers["ETag"] == '"3"'


@pytest.mark.both
def test_a_wish_to_change_is_decided_like_a_request(stand: Stand) -> None:
    body = stand.confirmed()
    place = f"/api/v1/reservations/{body['id']}"
    answer = stand.client.patch(place, json={"party_size": 4}, headers=guest(body))
    assert answer.status_code == 202, answer.text
    assert answer.json["change"]["status"] == "requested"
    assert answer.json["party_size"] == 2
    stand.decide()
    seen = stand.client.get(place, headers=guest(body)).json
    assert seen["change"]["status"] == "accepted"
    assert seen["party_size"] == 4


def test_an_area_of_null_means_any(stand: Stand) -> None:
    body = stand.confirmed(area="terrace")
    place = f"/api/v1/reservations/{body['id']}"
    answer = stand.client.patch(place, json={"area": None}, headers=guest(body))
    assert answer.status_code == 202, answer.text
    assert answer.json["change"]["area"] is None


def test_if_match_guards_every_change(stand: Stand) -> None:
    body = stand.confirmed()
    place = f"/api/v1/reservations/{body['id']}"
    stale = guest(body) | {"If-Match": '"1"'}
    for wish in ({"note": "x"}, {"party_size": 4}):
        refused = stand.client.patch(place, json=wish, headers=stale)
        assert refused.status_code == 412
        assert refused.json["code"] == "revision-conflict"
    assert stand.client.post(f"{place}/cancel", headers=stale).status_code == 412
    assert stand.client.get(place, headers=guest(body)).headers["ETag"] == '"2"'
    fresh = guest(body) | {"If-Match": 'W/"2"'}
    assert stand.client.patch(place, json={"note": "x"}, headers=fresh).status_code == 200


@pytest.mark.both
def test_cancelling_twice_is_the_same_as_once(stand: Stand) -> None:
    body = stand.confirmed()
    place = f"/api/v1/reservations/{body['id']}/cancel"
    first = stand.client.post(place, headers=guest(body))
    assert first.status_code == 200
    assert first.json["status"] == "cancelled"
    again = stand.client.post(place, headers=guest(body), json={})
    assert again.json == first.json


def test_a_cancelled_reservation_takes_no_change(stand: Stand) -> None:
    body = stand.confirmed()
    place = f"/api/v1/reservations/{body['id']}"
    stand.client.post(f"{place}/cancel", headers=guest(body))
    answer = stand.client.patch(place, json={"party_size": 3}, headers=guest(body))
    assert answer.status_code == 409
    assert answer.json["code"] == "state-conflict"


def test_a_finished_reservation_cannot_be_cancelled(stand: Stand) -> None:
    body = stand.confirmed()
    with transaction(stand.db) as session:
        session.get_one(Reservation, int(body["id"])).status = "finished"
    place = f"/api/v1/reservations/{body['id']}/cancel"
    assert stand.client.post(place, headers=guest(body)).status_code == 409


def test_a_phone_number_without_country_is_the_restaurants_own(stand: Stand) -> None:
    from_abroad = stand.ask(guest={"name": "A", "phone": "030 901820"})
    assert from_abroad.status_code == 422
    assert from_abroad.json["errors"][0]["field"] == "guest.phone"


def test_times_come_out_in_the_restaurants_zone(stand: Stand) -> None:
    body = stand.ask().json
    assert body["start"][-6:] in ("+01:00", "+02:00")
    assert body["created_at"][-6:] in ("+01:00", "+02:00")
