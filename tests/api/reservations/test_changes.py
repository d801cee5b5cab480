"""Changes over HTTP: staff get the decision immediately, and an ETag is valid for one change."""

from typing import Any

import pytest

from tests.api.conftest import Answer, Stand, counted
from tests.api.stand.test_host_stand import book

pytestmark = pytest.mark.both


def patch(stand: Stand, made: dict[str, Any], headers: dict[str, str], **body: Any) -> Answer:
    return stand.client.patch(f"/api/v1/reservations/{made['id']}", json=body, headers=headers)


def seen(stand: Stand, made: dict[str, Any], headers: dict[str, str]) -> Answer:
    return stand.client.get(f"/api/v1/reservations/{made['id']}", headers=headers)


def guest(made: dict[str, Any]) -> dict[str, str]:
    return {"Manage-Token": made["manage_token"]}


def test_a_staff_change_that_fits_is_made_at_once(staffed: Stand) -> None:
    made = staffed.confirmed()
    answer = patch(staffed, made, staffed.as_staff(), party_size=4, start=staffed.start(20))
    assert answer.status_code == 200, answer.text
    assert (answer.json["party_size"], answer.json["start"]) == (4, staffed.start(20))
    assert answer.json["change"]["status"] == "accepted"
    assert staffed.decide() == 0


def test_a_staff_change_that_does_not_fit_is_409_and_leaves_nothing(staffed: Stand) -> None:
    made, host = staffed.confirmed(), staffed.as_staff()
    before = counted(staffed.db)
    answer = patch(staffed, made, host, party_size=999)
    assert (answer.status_code, answer.json["code"]) == (409, "not-seated")
    assert answer.json["reason"] == "party_too_large"
    assert counted(staffed.db) == before
    assert staffed.decide() == 0


def test_the_staff_may_tell_the_guest_themselves(staffed: Stand) -> None:
    guest_in = {"name": "Ada", "email": "ada@example.com"}
    made = book(staffed, guest=guest_in, notify=False).json
    assert patch(staffed, made, staffed.as_staff(), party_size=3, notify=False).status_code == 200
    place = f"/api/v1/reservations/{made['id']}/cancel"
    cancelled = staffed.client.post(place, json={"notify": False}, headers=staffed.as_staff())
    assert cancelled.status_code == 200, cancelled.text
    day = staffed.client.get(
        f"/api/v1/restaurants/demo/book?date={staffed.start()[:10]}", headers=staffed.as_staff()
    )
    (line,) = day.json["reservations"]
    news = [each for each in line["messages"] if each["kind"] != "reminder"]
    assert [(each["kind"], each["error"]) for each in news] == [
        ("confirmation", "not_wanted"),
        ("changed", "not_wanted"),
        ("cancelled", "not_wanted"),
    ]


def test_whether_to_notify_is_not_for_guests_to_say(stand: Stand) -> None:
    made = stand.confirmed()
    refused = [
        patch(stand, made, guest(made), party_size=3, notify=False),
        stand.client.post(
            f"/api/v1/reservations/{made['id']}/cancel",
            json={"notify": False},
            headers=guest(made),
        ),
        patch(stand, made, guest(made), notify=True),
    ]
    assert [answer.status_code for answer in refused] == [422, 422, 422]
    assert seen(stand, made, guest(made)).json["status"] == "confirmed"


def test_of_two_changes_with_one_etag_the_second_is_412(stand: Stand) -> None:
    made = stand.confirmed()
    known = guest(made) | {"If-Match": seen(stand, made, guest(made)).headers["ETag"]}
    first = patch(stand, made, known, party_size=4)
    assert first.status_code == 202
    assert patch(stand, made, known, start=stand.start(20)).status_code == 412
    again = patch(stand, made, known, party_size=4)
    assert (again.status_code, again.json["change"]) == (202, first.json["change"])
    stand.decide()
    done = patch(stand, made, known, party_size=4)
    assert (done.status_code, done.json["party_size"]) == (200, 4)


def test_one_etag_holds_for_wish_and_details_together(stand: Stand) -> None:
    made = stand.confirmed()
    known = guest(made) | {"If-Match": seen(stand, made, guest(made)).headers["ETag"]}
    answer = patch(stand, made, known, party_size=4, note="by the window")
    assert (answer.status_code, answer.json["note"]) == (202, "by the window")
    stale = patch(stand, made, known, party_size=4, note="by the door")
    assert stale.status_code == 412
    assert seen(stand, made, guest(made)).json["note"] == "by the window"


def test_what_only_the_staff_see_leaves_the_guests_etag_alone(staffed: Stand) -> None:
    made = staffed.confirmed()
    before = seen(staffed, made, guest(made))
    tag = seen(staffed, made, staffed.as_staff()).headers["ETag"]
    told = patch(staffed, made, staffed.as_staff() | {"If-Match": tag}, staff_note="a regular")
    assert told.status_code == 200
    assert told.headers["ETag"] != tag
    after = seen(staffed, made, guest(made))
    assert (after.headers["ETag"], after.json) == (before.headers["ETag"], before.json)
