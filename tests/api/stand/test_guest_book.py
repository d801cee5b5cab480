"""The guest book over HTTP: searched, opened, written in, merged, blocked; audited."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from models.core import clock
from models.core.database.transactions import transaction
from models.operations.guest_book.filing import file_some
from tests.api.conftest import Answer, Stand, counted, sign_in
from tests.services.running.restaurant import OpenRestaurant

GUESTS = "/api/v1/restaurants/demo/guests"
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+49 30 123456"}


def file_all(stand: Stand) -> None:
    with transaction(stand.db) as session:
        file_some(session, after=0, now=clock.now(), limit=1000)


def search(stand: Stand, text: str, role: str = "host") -> list[Any]:
    answer = stand.client.post(
        f"{GUESTS}/search", json={"text": text}, headers=stand.as_staff(role)
    )
    assert answer.status_code == 200, answer.text
    return list(answer.json["guests"])


def filed(stand: Stand, **guest: Any) -> str:
    """A guest who booked online; the id of the record."""
    given = ADA | guest
    stand.confirmed(guest=given)
    file_all(stand)
    (hit,) = search(stand, given["email"])
    return str(hit["id"])


def act(stand: Stand, place: str, role: str = "manager", **body: Any) -> Answer:
    return stand.client.post(f"{GUESTS}/{place}", json=body, headers=stand.as_staff(role))


def opened(stand: Stand, guest: str) -> Any:
    answer = stand.client.get(f"{GUESTS}/{guest}", headers=stand.as_staff())
    assert answer.status_code == 200, answer.text
    return answer.json


def patch(stand: Stand, guest: str, tag: str = "*", **body: Any) -> Answer:
    headers = stand.as_staff() | {"If-Match": tag}
    return stand.client.patch(f"{GUESTS}/{guest}", json=body, headers=headers)


def audited(stand: Stand) -> list[tuple[str, list[str]]]:
    place = "/api/v1/restaurants/demo/audit"
    entries = stand.client.get(place, headers=stand.as_staff("owner")).json["entries"]
    return [(each["action"], each["about"]) for each in entries]


@pytest.mark.both
def test_a_guest_is_found_by_name_digits_and_address_and_shown_masked(staffed: Stand) -> None:
    guest = filed(staffed)
    for text in ("lovel", "ADA", "ada love", "3456", "030 123456", "Ada@Example.com"):
        (hit,) = search(staffed, text)
        assert hit["id"] == guest, text
        shown = (hit["name"], hit["email"], hit["phone"], hit["upcoming"], hit["visits"])
        assert shown == ("Ada Lovelace", "a...@example.com", "...3456", 1, 0)
    for text in ("byron", "ada byron", "9999", "993456", "eve@example.com", "34", "lo"):
        assert search(staffed, text) == [], text


@pytest.mark.both
def test_opening_a_guest_is_audited_every_time_and_a_search_once(staffed: Stand) -> None:
    guest = filed(staffed)
    before = len(audited(staffed))
    search(staffed, "ada")
    record = opened(staffed, guest)
    opened(staffed, guest)
    assert [each["contact"] for each in record["contacts"]] == ["ada@example.com", "+4930123456"]
    assert [each["confirmed"] for each in record["contacts"]] == [False, False]
    assert [each["status"] for each in record["reservations"]] == ["confirmed"]
    new = audited(staffed)[: len(audited(staffed)) - before]
    assert new == [("guest.opened", [f"guest {guest}"])] * 2
    assert ("guest.searched", ["guest book"]) in audited(staffed)


def test_a_reservation_leads_to_its_guest(staffed: Stand) -> None:
    made = staffed.confirmed(guest=ADA)
    place = f"/api/v1/reservations/{made['id']}/guest"
    assert staffed.client.get(place, headers=staffed.as_staff()).status_code == 404  # not filed yet
    file_all(staffed)
    answer = staffed.client.get(place, headers=staffed.as_staff())
    assert answer.json["name"] == "Ada Lovelace"
    assert staffed.client.get(place, headers=staffed.as_staff("viewer")).status_code == 403


@pytest.mark.both
def test_what_the_staff_know_is_written_once_and_says_who_wrote_it(staffed: Stand) -> None:
    guest = filed(staffed)
    wanted = {"allergies": "nuts", "tags": ["regular", "regular"], "vip": True, "name": "Countess"}
    for _ in range(2):  # a repeat does nothing
        answer = patch(staffed, guest, '"1"', **wanted)
        assert answer.status_code == 200, answer.text
        assert (answer.json["revision"], answer.headers["ETag"]) == (2, '"2"')
    for _ in range(2):
        act(staffed, f"{guest}/notes", "host", text="likes the window")
    record = opened(staffed, guest)
    shown = {key: record[key] for key in ("allergies", "tags", "vip", "name")}
    assert shown == wanted | {"tags": ["regular"]}
    assert [each["action"] for each in record["history"]] == ["noted", "changed"]
    assert record["history"][1]["detail"] == {"fields": ["name", "allergies", "tags", "vip"]}
    (note,) = record["notes"]
    assert (note["text"], note["author"]) == ("likes the window", "host@example.com")
    assert [each["name"] for each in search(staffed, "countess")] == ["Countess"]
    place = f"{GUESTS}/{guest}/notes/{note['id']}"
    for _ in range(2):
        gone = staffed.client.delete(place, json={}, headers=staffed.as_staff())
        assert (gone.status_code, gone.json["notes"]) == (200, [])
    assert opened(staffed, guest)["revision"] == 4


def test_an_act_on_a_record_that_has_changed_is_refused(staffed: Stand) -> None:
    guest = filed(staffed)
    patch(staffed, guest, vip=True)
    assert patch(staffed, guest, '"1"', allergies="nuts").status_code == 412
    assert opened(staffed, guest)["allergies"] == ""


@pytest.mark.both
def test_two_records_become_one_and_two_again(staffed: Stand) -> None:
    mine, other = filed(staffed), filed(staffed, name="A. King", email="a@king.uk", phone=None)
    patch(staffed, mine, allergies="nuts")
    patch(staffed, other, allergies="fish", tags=["press"])
    act(staffed, f"{other}/notes", text="came with Charles")
    before = opened(staffed, other)
    for _ in range(2):
        answer = act(staffed, f"{mine}/merge", guest=other)
        assert answer.status_code == 200, answer.text
    merged = opened(staffed, mine)
    assert opened(staffed, other)["id"] == mine
    assert (merged["allergies"], merged["tags"]) == ("nuts; fish", ["press"])
    assert merged["names"] == ["Ada Lovelace", "A. King"]
    assert len(merged["contacts"]) == 3 and len(merged["reservations"]) == 2
    assert [each["text"] for each in merged["notes"]] == ["came with Charles"]
    assert [[each["id"] for each in search(staffed, text)] for text in ("king", "lovelace")] == [
        [mine],
        [mine],
    ]
    assert act(staffed, f"{other}/notes", text="x").status_code == 409
    for _ in range(2):
        assert act(staffed, f"{mine}/unmerge", guest=other).status_code == 200
    after = opened(staffed, other)
    kept = ("names", "contacts", "notes", "reservations", "allergies", "tags")
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    assert [each["id"] for each in search(staffed, "king")] == [other]
    actions = [each["action"] for each in opened(staffed, mine)["history"]]
    assert actions == ["unmerged", "merged", "changed"]


@pytest.mark.both
def test_a_blocked_guest_is_told_that_the_restaurant_is_full(staffed: Stand) -> None:
    guest = filed(staffed)
    for _ in range(2):
        answer = act(staffed, f"{guest}/block", reason="left without paying")
        assert answer.json["block_reason"] == "left without paying"
    made = staffed.confirmed(guest=ADA | {"phone": None}, start=staffed.start(days=9))
    place = f"/api/v1/reservations/{made['id']}"
    seen = staffed.client.get(place, headers={"Manage-Token": made["manage_token"]}).json
    assert (seen["status"], seen["reason"]) == ("declined", "full")
    staff = staffed.client.get(place, headers=staffed.as_staff()).json
    assert (staff["status"], staff["reason"]) == ("declined", "full")
    other = {"name": "Eve", "email": "eve@example.com"}
    assert (
        staffed.client.get(
            f"/api/v1/reservations/{staffed.confirmed(guest=other)['id']}",
            headers=staffed.as_staff(),
        ).json["status"]
        == "confirmed"
    )
    for _ in range(2):
        assert act(staffed, f"{guest}/unblock").json["blocked_at"] is None
    again = staffed.confirmed(guest=ADA, start=staffed.start(days=10))
    place = f"/api/v1/reservations/{again['id']}"
    assert staffed.client.get(place, headers=staffed.as_staff()).json["status"] == "confirmed"


@pytest.mark.both
def test_a_blocked_guest_cancels_by_the_link_and_is_asked_to_call_for_a_change(
    staffed: Stand,
) -> None:
    made = staffed.confirmed(guest=ADA)
    file_all(staffed)
    (hit,) = search(staffed, str(ADA["email"]))
    place, page = f"/api/v1/reservations/{made['id']}", f"/manage/{made['manage_token']}"
    link = {"Manage-Token": made["manage_token"]}
    assert "Change time or party" in staffed.client.get(page).text
    act(staffed, f"{hit['id']}/block", reason="left without paying")
    shown = staffed.client.get(page).text
    assert "please call us" in shown and "Change time or party" not in shown
    assert "Please call us" in staffed.client.get(f"{page}/change").text
    contact = {"guest": {"email": "other@example.com"}}
    for body in ({"party_size": 3}, {"start": staffed.start(20)}, contact):
        refused = staffed.client.patch(place, json=body, headers=link)
        assert (refused.status_code, refused.json["code"]) == (409, "state-conflict")
        assert "please call the restaurant" in refused.json["detail"]
    form = {"date": made["start"][:10], "start": made["start"], "party_size": "3", "area": ""}
    answer = staffed.client.post(f"{page}/change", data=form)
    assert answer.status_code == 409 and "lease call the restaurant" in answer.text
    assert staffed.client.post(f"{page}/cancel").status_code == 303
    assert staffed.client.get(place, headers=link).json["status"] == "cancelled"


def test_the_staff_are_warned_of_a_guest_who_cannot_book_online(staffed: Stand) -> None:
    guest = filed(staffed)
    assert opened(staffed, guest)["online_refused"] is None
    assert act(staffed, f"{guest}/block").json["online_refused"] == "blocked"
    place = "/api/v1/restaurants/demo"
    wanted = {"party_size": 2, "guest": ADA}
    for number, (path, more) in enumerate(
        (("book/reservations", {"start": staffed.start(days=5)}), ("door", {}))
    ):
        for who, warnings in ((ADA, ["blocked"]), ({"name": "Eve"}, None)):
            answer = staffed.client.post(
                f"{place}/{path}",
                json=wanted | more | {"guest": who},
                headers=staffed.as_staff() | {"Idempotency-Key": f"{number}{who['name']}"},
            )
            assert (answer.status_code, answer.json.get("warnings")) == (201, warnings), answer.text


def test_spend_is_recorded_by_a_host_and_shown_on_the_record(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = staffed.confirmed(guest=ADA)
    file_all(staffed)
    place = f"/api/v1/reservations/{made['id']}"
    start = datetime.fromisoformat(made["start"])
    monkeypatch.setattr(clock, "now", lambda: start)

    def send(verb: str, role: str = "host", **body: Any) -> Answer:
        return staffed.client.post(f"{place}/{verb}", json=body, headers=staffed.as_staff(role))

    assert send("spend", amount="128.5").status_code == 409
    send("seat")
    assert send("spend", "viewer", amount="128.5").status_code == 403
    for wrong in ("-1", "1.234", "1,5", "", 12.5):
        assert send("spend", amount=wrong).json["errors"][0]["field"] == "amount"
    assert send("spend", amount="128.5").json["spend"] == "128.50"
    guest = staffed.client.get(f"{place}/guest", headers=staffed.as_staff()).json
    assert (guest["spend"], guest["spend_average"]) == ("128.50", "128.50")
    assert [each["spend"] for each in guest["reservations"]] == ["128.50"]
    own = staffed.client.get(place, headers={"Manage-Token": made["manage_token"]}).json
    assert own.get("spend") is None


def test_consent_is_recorded_for_every_contact(staffed: Stand) -> None:
    guest = filed(staffed)
    for _ in range(2):
        answer = act(staffed, f"{guest}/consent", "host", given=True, wording="shop-3")
        assert [each["channel"] for each in answer.json["consents"]] == ["email", "sms"]
    assert [action for action, _ in audited(staffed)].count("consent.changed") == 1


PLACES: tuple[tuple[str, str, dict[str, Any], tuple[str, ...]], ...] = (
    ("POST", "search", {"text": "ada"}, ("host", "manager", "owner")),
    ("GET", "{}", {}, ("host", "manager", "owner")),
    ("PATCH", "{}", {"vip": True}, ("host", "manager", "owner")),
    ("POST", "{}/notes", {"text": "x"}, ("host", "manager", "owner")),
    ("DELETE", "{}/notes/1", {}, ("host", "manager", "owner")),
    ("POST", "{}/consent", {"given": True, "wording": "a"}, ("host", "manager", "owner")),
    ("POST", "{}/block", {}, ("manager", "owner")),
    ("POST", "{}/unblock", {}, ("manager", "owner")),
    ("POST", "{}/lift-limit", {}, ("manager", "owner")),
    ("POST", "{}/merge", {"guest": "999999"}, ("manager", "owner")),
    ("POST", "{}/unmerge", {"guest": "999999"}, ("manager", "owner")),
)


@pytest.mark.parametrize(("method", "path", "body", "allowed"), PLACES)
def test_roles_and_other_restaurants(
    staffed: Stand,
    restaurant: Callable[..., OpenRestaurant],
    make_account: Callable[..., int],
    method: str,
    path: str,
    body: dict[str, Any],
    allowed: tuple[str, ...],
) -> None:
    guest = filed(staffed)
    place = f"{GUESTS}/{path.format(guest)}"
    for role in ("viewer", "host", "manager", "owner"):
        answer = staffed.client.open(
            place, method=method, json=body, headers=staffed.as_staff(role)
        )
        expected = {200, 404} if role in allowed else {403}
        assert answer.status_code in expected, (role, answer.text)
    assert staffed.client.open(place, method=method, json=body).status_code == 401
    other = restaurant(slug="other")
    make_account("stranger@example.com", {other.id: "owner"})
    token = sign_in(staffed.client, "stranger@example.com")["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    before = counted(staffed.db)
    assert staffed.client.open(place, method=method, json=body, headers=header).status_code == 404
    if path != "search":
        elsewhere = place.replace("/demo/", "/other/")
        answer = staffed.client.open(elsewhere, method=method, json=body, headers=header)
        assert answer.status_code == 404
    assert counted(staffed.db) == before


WRONG: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("POST", "search", {}, "text"),
    ("POST", "search", {"text": ""}, "text"),
    ("POST", "search", {"text": "not an@address@"}, "text"),
    ("PATCH", "{}", {}, "body"),
    ("PATCH", "{}", {"vip": None}, "vip"),
    ("PATCH", "{}", {"tags": ["x" * 33]}, "tags.0"),
    ("PATCH", "{}", {"tags": [str(n) for n in range(21)]}, "tags"),
    ("POST", "{}/notes", {"text": ""}, "text"),
    ("POST", "{}/merge", {"guest": "one"}, "guest"),
)


@pytest.mark.parametrize(("method", "path", "body", "field"), WRONG)
def test_bad_input_is_named_and_changes_nothing(
    staffed: Stand, method: str, path: str, body: dict[str, Any], field: str
) -> None:
    guest = filed(staffed)
    before = opened(staffed, guest)["revision"]
    answer = staffed.client.open(
        f"{GUESTS}/{path.format(guest)}",
        method=method,
        json=body,
        headers=staffed.as_staff("manager"),
    )
    assert answer.status_code == 422, answer.text
    assert [each["field"] for each in answer.json["errors"]] == [field]
    assert opened(staffed, guest)["revision"] == before
