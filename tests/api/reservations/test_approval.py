"""Requests that the staff approve, over HTTP and on the pages."""

import pytest
from sqlalchemy import update

from models.core.database.transactions import transaction
from models.entities import Restaurant
from tests.api.conftest import Answer, Stand
from web.schemas.answers import AvailabilityOut, ReservationOut
from web.schemas.stand import RequestsOut

pytestmark = pytest.mark.both
GUEST = {"name": "Ada Lovelace", "email": "ada@example.com", "locale": "de"}


@pytest.fixture
def careful(staffed: Stand) -> Stand:
    """A restaurant whose staff approve parties of four and more."""
    with transaction(staffed.db) as session:
        rules = {"approvals": [{"min_party": 4}]}
        session.execute(update(Restaurant).values(day_rules=rules, revision=99))
    return staffed


def answer(stand: Stand, number: str, verb: str, *, role: str = "host", **body: object) -> Answer:
    path = f"/api/v1/reservations/{number}/{verb}"
    return stand.client.post(path, json=body, headers=stand.as_staff(role))


def test_the_staff_approve_a_request_and_its_guest_sees_both(careful: Stand) -> None:
    made = careful.confirmed(party_size=4, guest=GUEST)
    own = {"Manage-Token": made["manage_token"]}
    seen = careful.client.get(f"/api/v1/reservations/{made['id']}", headers=own).json
    assert seen["status"] == "requested" and seen["approve_by"] is not None
    page = careful.client.get(f"/manage/{made['manage_token']}").text
    assert "Wir haben Ihre Anfrage" in page and 'lang="de"' in page
    assert 'http-equiv="refresh"' not in page  # it takes longer than moments
    place = f"/api/v1/restaurants/{careful.restaurant.slug}/requests"
    found = careful.client.get(place, headers=careful.as_staff("viewer"))
    (waits,) = RequestsOut.model_validate(found.json).requests
    assert (waits.id, waits.status, waits.tables) == (made["id"], "requested", made_at(careful))
    assert answer(careful, made["id"], "approve", role="viewer").status_code == 403
    for _ in range(2):
        done = answer(careful, made["id"], "approve")
        assert done.status_code == 200, done.text
        shown = ReservationOut.model_validate(done.json)
        assert (shown.status, shown.approve_by) == ("confirmed", None)
    assert careful.client.get(place, headers=careful.as_staff("viewer")).json["requests"] == []
    assert "Your table is reserved" in careful.client.get(f"/manage/{made['manage_token']}").text


def made_at(stand: Stand) -> list[str]:
    """The tables that the day's book shows for its only party."""
    place = f"/api/v1/restaurants/{stand.restaurant.slug}/book?date={stand.start()[:10]}"
    (party,) = stand.client.get(place, headers=stand.as_staff("host")).json["reservations"]
    assert party["status"] == "requested" and party["approve_by"]
    tables: list[str] = party["tables"]
    return tables


def test_the_staff_decline_a_request_in_their_own_words(careful: Stand) -> None:
    made = careful.confirmed(party_size=4, guest=GUEST)
    stale = answer(careful, made["id"], "decline", **{"from": "waitlisted"})
    assert (stale.status_code, stale.json["code"]) == (409, "state-conflict")
    named = {"from": "requested", "message": "We have a wedding."}
    assert answer(careful, made["id"], "decline", **named).status_code == 200
    shown = answer(careful, made["id"], "decline").json
    assert (shown["status"], shown["reason"]) == ("declined", "not_approved")
    page = careful.client.get(f"/manage/{made['manage_token']}").text
    assert "Wir konnten diese Anfrage nicht annehmen." in page
    refused = answer(careful, made["id"], "approve")
    assert (refused.status_code, refused.json["code"]) == (409, "state-conflict")


def test_what_is_on_request_says_so_before_it_is_asked_for(careful: Stand) -> None:
    slug, day = careful.restaurant.slug, careful.start()[:10]
    for size, on_request in ((2, False), (4, True)):
        place = f"/api/v1/restaurants/{slug}/availability?date={day}&party_size={size}"
        offer = AvailabilityOut.model_validate(careful.client.get(place).json)
        assert {slot.on_request for slot in offer.slots} == {on_request}
        page = careful.client.get(f"/book/{slug}?date={day}&party_size={size}").text
        assert ("On request" in page) is on_request
