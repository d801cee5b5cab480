"""Bookings by the staff with a turn of their own, over several tables, and of a whole area."""

from typing import Any

import pytest

from tests.api.conftest import Answer, Stand
from web.schemas.answers import Problem, ReservationOut
from web.schemas.stand import ProposalsOut

pytestmark = pytest.mark.both


def book(stand: Stand, key: str, *, role: str = "manager", **changes: Any) -> Answer:
    body = stand.body(**changes)
    headers = stand.as_staff(role) | {"Idempotency-Key": key}
    path = f"/api/v1/restaurants/{stand.restaurant.slug}/book/reservations"
    return stand.client.post(path, json=body, headers=headers)


def test_the_staff_choose_a_turn_and_a_guest_does_not(staffed: Stand) -> None:
    made = book(staffed, "a", turn_minutes=180)
    assert made.status_code == 201, made.text
    place = f"/api/v1/reservations/{made.json['id']}"
    shown = ReservationOut.model_validate(made.json)
    assert shown.turn_minutes == 180
    wrong = staffed.client.patch(place, json={"turn_minutes": 50}, headers=staffed.as_staff("host"))
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "turn_minutes")
    usual = staffed.client.patch(
        place, json={"turn_minutes": None}, headers=staffed.as_staff("host")
    )
    assert (usual.status_code, usual.json["turn_minutes"]) == (200, None)
    own = staffed.confirmed(start=staffed.start(20, 0), guest={"name": "B", "phone": "+4930901820"})
    refused = staffed.client.patch(
        f"/api/v1/reservations/{own['id']}",
        json={"turn_minutes": 60},
        headers={"Manage-Token": own["manage_token"]},
    )
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "turn_minutes")


def test_a_large_party_books_what_is_proposed(staffed: Stand) -> None:
    slug = staffed.restaurant.slug
    asked = {"party_size": "10", "start": staffed.start()}
    place = f"/api/v1/restaurants/{slug}/book/proposals"
    found = staffed.client.get(place, query_string=asked, headers=staffed.as_staff("host"))
    proposals = ProposalsOut.model_validate(found.json).proposals
    assert proposals and proposals[0].seats >= 10 and proposals[0].joined_by_hand
    tables = proposals[0].tables
    made = book(staffed, "a", party_size=10, tables=tables, force_pacing=True, reason="a wedding")
    assert made.status_code == 201, made.text
    assert sorted(made.json["tables"]) == sorted(tables)
    closed = asked | {"start": staffed.start(4, 0)}
    wrong = staffed.client.get(place, query_string=closed, headers=staffed.as_staff("host"))
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "start")


def test_a_whole_area_is_refused_while_others_come_there(staffed: Stand) -> None:
    first = book(staffed, "a", area="terrace", start=staffed.start(20, 0)).json
    whole: dict[str, Any] = {"area": "terrace", "whole_area": True, "party_size": 4}
    taken = book(staffed, "b", **whole)
    assert (taken.status_code, taken.json["code"]) == (409, "table-taken"), taken.text
    problem = Problem.model_validate(taken.json)
    assert problem.parties and problem.parties[0].reference == first["reference"]
    cancel = f"/api/v1/reservations/{first['id']}/cancel"
    assert staffed.client.post(cancel, headers=staffed.as_staff("host")).status_code == 200
    made = book(staffed, "c", **whole)
    assert made.status_code == 201, made.text
    assert made.json["tables"] == ["6"]
    nowhere = book(staffed, "d", party_size=8, whole_area=True)
    assert nowhere.status_code == 422
