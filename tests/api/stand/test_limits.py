"""The API of stops, closings and cancellations of many: permissions, previews, answers."""

from typing import Any

from tests.api.conftest import Answer, Stand


def call(stand: Stand, verb: str, role: str = "manager", **body: Any) -> Answer:
    given = body if "reservations" in body else {"date": stand.start()[:10]} | body
    return stand.client.post(
        f"/api/v1/restaurants/{stand.restaurant.slug}/book/{verb}",
        json=given,
        headers=stand.as_staff(role),
    )


def offered(stand: Stand) -> int:
    answer = stand.client.get(
        f"/api/v1/restaurants/{stand.restaurant.slug}/availability"
        f"?date={stand.start()[:10]}&party_size=2"
    )
    return len(answer.json["slots"])


def status(stand: Stand, made: dict[str, Any]) -> str:
    answer = stand.client.get(f"/api/v1/reservations/{made['id']}", headers=stand.as_staff())
    return str(answer.json["status"])


def test_a_host_stops_and_reopens_online_booking(staffed: Stand) -> None:
    before = offered(staffed)
    stopped = call(staffed, "stop", "host", **{"from": staffed.start(20)})
    assert stopped.status_code == 200, stopped.text
    (limit,) = stopped.json["limits"]
    assert (limit["kind"], limit["covers"], limit["start"]) == ("online", 0, staffed.start(20))
    assert 0 < offered(staffed) < before
    assert call(staffed, "stop", "host").json["limits"][0]["start"] != staffed.start(20)
    assert offered(staffed) == 0
    assert call(staffed, "reopen", "host").json == {"limits": []}
    assert offered(staffed) == before


def test_a_closing_is_previewed_and_then_done_as_one_act(staffed: Stand) -> None:
    made = staffed.confirmed()
    asked = {"reason": "a flood", "parties": "cancel", "message": "Sorry, the kitchen is flooded."}
    seen = call(staffed, "close", preview=True, **asked)
    assert seen.status_code == 200, seen.text
    assert (status(staffed, made), offered(staffed) > 0) == ("confirmed", True)
    done = call(staffed, "close", **asked)
    assert done.json["parties"] == seen.json["parties"]
    assert [each["notified_by"] for each in done.json["parties"]] == [["email"]]
    assert (status(staffed, made), offered(staffed)) == ("cancelled", 0)
    assert call(staffed, "reopen", "host").status_code == 403
    assert call(staffed, "reopen").status_code == 200


def test_a_closing_moves_parties_to_another_start_or_cancels_them(staffed: Stand) -> None:
    made = staffed.confirmed(start=staffed.start(21))
    asked = {"reason": "a flood", "message": "Sorry.", "from": staffed.start(21)}
    for parties, within, moved_to in (
        ("move", 15, staffed.start(20, 45)),
        ("move_or_cancel", 15, None),
    ):
        seen = call(staffed, "close", preview=True, parties=parties, within_minutes=within, **asked)
        (hurt,) = seen.json["parties"]
        assert (hurt["moved_to"], hurt["notified_by"]) == (moved_to, ["email"]), seen.text
        assert hurt["is_cancelled"] == (moved_to is None)
        asked["from"] = staffed.start(17)  # nothing is left of the evening
    assert status(staffed, made) == "confirmed"


def test_many_are_cancelled_as_one_act(staffed: Stand) -> None:
    first, second = (
        staffed.confirmed(),
        staffed.confirmed(guest={"name": "Grace", "email": "grace@example.com"}),
    )
    ids = [first["id"], second["id"]]
    done = call(staffed, "cancel", reservations=ids, message="We are sorry.")
    assert done.status_code == 200, done.text
    assert [each["is_cancelled"] for each in done.json["parties"]] == [True, True]
    assert [status(staffed, each) for each in (first, second)] == ["cancelled", "cancelled"]


def test_a_host_may_stop_but_not_close_and_a_viewer_may_neither(staffed: Stand) -> None:
    assert call(staffed, "stop", "viewer").status_code == 403
    assert call(staffed, "close", "host", reason="x").status_code == 403
    assert call(staffed, "cancel", "host", reservations=["1"]).status_code == 403


def test_a_wrong_stop_names_its_field(staffed: Stand) -> None:
    for verb, wrong, field in (
        ("stop", {"shift": "brunch"}, "shift"),
        ("stop", {"covers": -1}, "covers"),
        ("close", {}, "reason"),
        ("cancel", {"reservations": []}, "reservations"),
    ):
        answer = call(staffed, verb, **wrong)
        assert answer.status_code == 422, answer.text
        assert [each["field"] for each in answer.json["errors"]] == [field], wrong
