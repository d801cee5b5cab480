"""Bookings and status changes by staff."""

import uuid
from datetime import timedelta
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from models.core import clock
from models.core.database.transactions import transaction
from models.entities import Reservation
from tests.api.conftest import Answer, Stand

PLACE = "/api/v1/restaurants/demo/book/reservations"


def book(stand: Stand, role: str = "host", *, key: str | None = None, **changes: Any) -> Answer:
    body = {"party_size": 2, "start": stand.start(), "guest": {"name": "Mr Smith"}} | changes
    headers = stand.as_staff(role) | {"Idempotency-Key": key or uuid.uuid4().hex}
    return stand.client.post(PLACE, json=body, headers=headers)


@pytest.mark.both
def test_the_staff_book_at_once_and_need_no_contact(staffed: Stand) -> None:
    answer = book(staffed)
    assert answer.status_code == 201, answer.text
    assert answer.json["status"] == "confirmed"
    assert answer.json["tables"] in (["1"], ["2"])
    assert answer.json["source"] == "staff"
    assert answer.json["guest"]["email"] is None


@pytest.mark.both
def test_the_staff_choose_the_tables(staffed: Stand) -> None:
    answer = book(staffed, tables=["5"])
    assert answer.status_code == 201, answer.text
    assert answer.json["tables"] == ["5"]
    taken = book(staffed, tables=["5"])
    assert taken.status_code == 409
    assert taken.json["code"] == "not-seated"
    assert taken.json["reason"] == "full"
    unknown = book(staffed, tables=["77"])
    assert unknown.status_code == 422
    assert unknown.json["errors"][0]["field"] == "tables"


def test_the_same_key_books_once(staffed: Stand) -> None:
    first, again = book(staffed, key="k"), book(staffed, key="k")
    assert again.status_code == 201
    assert again.json == first.json
    assert again.headers["Idempotency-Replayed"] == "true"


def test_only_a_manager_goes_over_the_pacing(staffed: Stand) -> None:
    for _party in range(2):
        assert book(staffed, party_size=4).status_code == 201
    paced = book(staffed, party_size=4)
    assert paced.status_code == 409
    assert paced.json["reason"] == "pacing"
    over: dict[str, Any] = {"party_size": 4, "force_pacing": True, "reason": "the owner's family"}
    assert book(staffed, **over).status_code == 403
    assert book(staffed, "manager", **over).status_code == 201


@pytest.mark.both
def test_a_party_comes_sits_down_and_leaves(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = book(staffed).json["id"]
    place = f"/api/v1/reservations/{number}"

    def move(name: str, **body: Any) -> Answer:
        return staffed.client.post(f"{place}/{name}", headers=staffed.as_staff(), json=body or None)

    with transaction(staffed.db) as session:
        early = session.get_one(Reservation, int(number)).starts_at - timedelta(minutes=10)
    assert move("arrive").status_code == 409  # not today
    monkeypatch.setattr(clock, "now", lambda: early)
    assert move("no-show").status_code == 409  # not before the start
    assert move("arrive").json["status"] == "arrived"
    assert move("arrive").status_code == 200  # idempotent
    seated = move("seat", tables=["6"])
    assert seated.status_code == 200, seated.text
    assert seated.json["tables"] == ["6"]
    assert move("finish").json["status"] == "finished"
    assert move("cancel").status_code == 409


@pytest.mark.both
def test_a_move_names_what_it_acts_upon(staffed: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    booked = book(staffed)
    number, seen = int(booked.json["id"]), booked.headers["ETag"]
    with transaction(staffed.db) as session:
        start = session.get_one(Reservation, number).starts_at
    monkeypatch.setattr(clock, "now", lambda: start)

    def move(name: str, match: str | None = None, **body: Any) -> Answer:
        headers = staffed.as_staff() | ({"If-Match": match} if match else {})
        place = f"/api/v1/reservations/{number}/{name}"
        return staffed.client.post(place, headers=headers, json=body or None)

    seated = move("seat", seen)
    assert (seated.status_code, seated.json["status"]) == (200, "seated")
    again = move("seat", seen)  # its answer was lost
    assert (again.status_code, again.headers["ETag"]) == (200, seated.headers["ETag"])
    other = move("no-show", seen)
    assert (other.status_code, other.json["code"]) == (412, "revision-conflict")
    other = move("finish", **{"from": "arrived"})
    assert (other.status_code, other.json["code"]) == (409, "state-conflict")
    assert move("finish", **{"from": "eating"}).json["errors"][0]["field"] == "from"
    assert move("finish", **{"from": "seated"}).json["status"] == "finished"
    for _ in range(2):
        assert move("take-back").json["status"] == "seated"
    for _ in range(2):
        assert move("take-back", **{"from": "seated"}).json["status"] == "confirmed"


@pytest.mark.both
def test_a_cancellation_is_undone_within_its_time(staffed: Stand) -> None:
    place = f"/api/v1/reservations/{book(staffed).json['id']}"

    def verb(name: str, body: dict[str, Any] | None = None, *, role: str = "host") -> Answer:
        return staffed.client.post(f"{place}/{name}", headers=staffed.as_staff(role), json=body)

    nothing = verb("take-back")
    assert (nothing.status_code, nothing.json["code"]) == (409, "state-conflict")
    assert verb("cancel").json["status"] == "cancelled"
    assert verb("take-back", role="viewer").status_code == 403
    undone = verb("take-back", {"from": "cancelled", "notify": False})
    assert (undone.status_code, undone.json["status"]) == (200, "confirmed")
    assert undone.json["tables"]
    again = verb("take-back", {"from": "cancelled"})
    assert (again.status_code, again.json["revision"]) == (200, undone.json["revision"])


@pytest.mark.both
def test_the_refusal_names_the_party_that_still_sits_there(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, next_ = (
        book(staffed, tables=["5"], start=staffed.start(hour)).json for hour in (18, 21)
    )
    with transaction(staffed.db) as session:
        rows = [session.get_one(Reservation, int(each["id"])) for each in (first, next_)]
        starts = [row.starts_at for row in rows]

    def seat(party: dict[str, Any]) -> Answer:
        place = f"/api/v1/reservations/{party['id']}/seat"
        return staffed.client.post(place, headers=staffed.as_staff())

    monkeypatch.setattr(clock, "now", lambda: starts[0])
    assert seat(first).status_code == 200
    monkeypatch.setattr(clock, "now", lambda: starts[1] + timedelta(minutes=1))
    refused = seat(next_)
    assert (refused.status_code, refused.json["code"]) == (409, "state-conflict")
    assert first["reference"] in refused.json["detail"]
    day = first["start"][:10]
    place = f"/api/v1/restaurants/demo/book?date={day}"
    facts = staffed.client.get(place, headers=staffed.as_staff("viewer")).json
    said = {row["id"]: row["warnings"] for row in facts["reservations"]}
    assert said == {first["id"]: ["overstays"], next_["id"]: ["table_occupied"]}
    schema = {"$ref": "#/components/schemas/BookOut"} | components(staffed)
    jsonschema.Draft202012Validator(schema).validate(facts)


def test_a_walk_in_without_a_start_needs_an_open_restaurant(staffed: Stand) -> None:
    answer = staffed.client.post(
        PLACE,
        json={"party_size": 2, "guest": {"name": "At the door"}},
        headers=staffed.as_staff() | {"Idempotency-Key": "k"},
    )
    assert answer.status_code == 422
    assert answer.json["errors"] == [{"field": "start", "message": "is required"}]


@pytest.mark.both
def test_the_book_of_a_day_shows_parties_tables_and_pacing(staffed: Stand) -> None:
    online = staffed.confirmed(note="window")
    walked = book(staffed, tables=["5"], party_size=4).json
    day = staffed.start()[:10]
    place = f"/api/v1/restaurants/demo/book?date={day}"
    answer = staffed.client.get(place, headers=staffed.as_staff("viewer"))
    assert answer.status_code == 200, answer.text
    facts = answer.json
    assert [row["id"] for row in facts["reservations"]] == [online["id"], walked["id"]]
    assert facts["reservations"][0]["guest"]["email"] == "ada@example.com"
    assert facts["reservations"][0]["start"] == staffed.start()
    (dinner,) = facts["shifts"]
    assert (dinner["covers"], dinner["parties"]) == (6, 2)
    (busy,) = [interval for interval in dinner["intervals"] if interval["covers"]]
    assert busy == {
        "start": staffed.start(),
        "covers": 6,
        "parties": 2,
        "online_covers": 2,
        "pacing": dinner["pacing"],
    }
    table = next(table for table in facts["tables"] if table["label"] == "5")
    assert [seating["reservation_id"] for seating in table["seatings"]] == [walked["id"]]
    schema = {"$ref": "#/components/schemas/BookOut"} | components(staffed)
    jsonschema.Draft202012Validator(schema).validate(facts)
    held = staffed.as_staff("viewer") | {"If-None-Match": answer.headers["ETag"]}
    assert staffed.client.get(place, headers=held).status_code == 304


def components(stand: Stand) -> dict[str, Any]:
    return {"components": stand.client.get("/openapi.json").json["components"]}


@pytest.mark.both
def test_a_walk_in_needs_neither_name_nor_hour(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = int(book(staffed).json["id"])
    with transaction(staffed.db) as session:
        start = session.get_one(Reservation, number).starts_at
    monkeypatch.setattr(clock, "now", lambda: start + timedelta(minutes=4))

    def walk_in(role: str = "host", **body: Any) -> Answer:
        headers = staffed.as_staff(role) | {"Idempotency-Key": uuid.uuid4().hex}
        return staffed.client.post(PLACE, json={"walk_in": True} | body, headers=headers)

    seated = walk_in(party_size=2)
    assert (seated.status_code, seated.json["status"]) == (201, "seated"), seated.text
    assert (seated.json["guest"]["name"], seated.json["warnings"]) == ("", [])
    assert walk_in("viewer", party_size=2).status_code == 403
    crowded = [walk_in(party_size=4) for _ in range(2)][-1]
    assert crowded.json["warnings"] == ["pacing"], crowded.text
    nameless = walk_in(party_size=2, walk_in=False)
    assert nameless.json["errors"][0]["field"] == "start"
    book_of_day = staffed.client.get(
        f"/api/v1/restaurants/demo/book?date={start.date()}", headers=staffed.as_staff()
    )
    assert "" in [row["guest"]["name"] for row in book_of_day.json["reservations"]]


@pytest.mark.both
def test_the_staff_note_what_they_learn_of_a_party(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked = book(staffed, party_size=4, details={"vip": True, "tags": ["wine", "wine"]})
    assert booked.json["details"] == {
        "allergies": "", "occasion": "", "vip": True, "tags": ["wine"]
    }  # fmt: skip
    place, headers = f"/api/v1/reservations/{booked.json['id']}", staffed.as_staff()
    match = headers | {"If-Match": booked.headers["ETag"]}
    edit = {"details": {"allergies": "nuts", "vip": False}, "staff_note": "by the door"}
    edited = staffed.client.patch(place, json=edit, headers=match)
    assert edited.status_code == 200, edited.text
    assert (edited.json["details"]["allergies"], edited.json["staff_note"]) == (
        "nuts", "by the door"
    )  # fmt: skip
    with transaction(staffed.db) as session:
        start = session.get_one(Reservation, int(booked.json["id"])).starts_at
    monkeypatch.setattr(clock, "now", lambda: start)

    def verb(name: str, body: dict[str, Any] | None, role: str = "host") -> Answer:
        return staffed.client.post(f"{place}/{name}", headers=staffed.as_staff(role), json=body)

    until = (start + timedelta(minutes=20)).isoformat()
    assert verb("late", {"until": until}, "viewer").status_code == 403
    assert verb("late", {"until": until}).json["expected_at"] is not None
    early = verb("late", {"until": start.isoformat()})
    assert (early.status_code, early.json["errors"][0]["field"]) == (422, "until")
    some = verb("arrive", {"covers": 2})
    assert (some.json["status"], some.json["arrived_covers"]) == ("arrived", 2)
    assert verb("arrive", {"covers": 5}).json["errors"][0]["field"] == "covers"
    assert verb("arrive", {"covers": 4}).json["arrived_covers"] is None
