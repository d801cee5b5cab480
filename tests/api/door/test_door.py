"""The list at the door through the API and the guest pages."""

import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
import segno
from sqlalchemy import Engine, select

from models.core import clock
from models.core.database.transactions import reading, transaction
from models.entities import Message, Restaurant
from models.rules.permissions import PERMISSIONS, Permission, Role
from tasks.messaging.templates.wording import LANGUAGES
from tests.api.conftest import BERLIN, Answer, Client, Stand
from tests.services.counting import counting
from tests.services.running.restaurant import OpenRestaurant
from web.pages.door_words import WORDS
from web.schemas.answers import ReservationOut
from web.schemas.door import AccuracyOut, DoorOut, WaitlistOut

DOOR = "/api/v1/restaurants/demo/door"
POLICIES = {"door_online": True, "lead_minutes": 0, "pacing": {"covers": 500}}


@pytest.fixture
def evening(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """It is 19:05 by the restaurant's clock; `evening(10)`: ten minutes later."""
    today = clock.now().astimezone(BERLIN).date()
    five_past = datetime(today.year, today.month, today.day, 19, 5, tzinfo=BERLIN)

    def set_clock(minutes: float) -> None:
        at = five_past + timedelta(minutes=minutes)
        monkeypatch.setattr(clock, "now", lambda: at)

    set_clock(0)
    return set_clock


@pytest.fixture
def door(
    evening: Callable[[float], None],
    client: Client,
    restaurant: Callable[..., OpenRestaurant],
    make_account: Callable[..., int],
    db: Engine,
) -> Stand:
    """A restaurant with two tables for two, whose guests may join by the link."""
    tables = {"1": ("hall", 1, 2), "2": ("hall", 1, 2)}
    stand = Stand(client, restaurant(tables=tables, policies=POLICIES), db)
    for role in Role:
        make_account(f"{role}@example.com", {stand.restaurant.id: role.value})
    return stand


def add(stand: Stand, role: str = "host", *, key: str = "", **changes: Any) -> Answer:
    body = {"party_size": 2, "guest": {"name": "Ada"}} | changes
    headers = stand.as_staff(role) | {"Idempotency-Key": key or uuid.uuid4().hex}
    return stand.client.post(DOOR, json=body, headers=headers)


def join(stand: Stand, *, key: str = "", **changes: Any) -> Answer:
    body = {"party_size": 2, "guest": {"name": "Bob", "phone": "+4930123456"}} | changes
    headers = {"Idempotency-Key": key or uuid.uuid4().hex}
    return stand.client.post(f"{DOOR}/join", json=body, headers=headers)


def act(stand: Stand, number: str, verb: str, role: str = "host", **body: Any) -> Answer:
    return stand.client.post(
        f"/api/v1/reservations/{number}/{verb}", json=body, headers=stand.as_staff(role)
    )


def listed(stand: Stand) -> dict[str, Any]:
    answer = stand.client.get(DOOR, headers=stand.as_staff())
    assert answer.status_code == 200, answer.text
    return DoorOut.model_validate(answer.json).model_dump()


def token_of(answer: Answer) -> str:
    return str(answer.json["manage_token"])


@pytest.mark.both
def test_the_host_adds_a_party_calls_it_and_seats_it(
    door: Stand, evening: Callable[[float], None]
) -> None:
    made = add(door, staff_note="in a hurry", guest={"name": "Ada", "phone": "+4930123457"})
    assert made.status_code == 201, made.text
    ReservationOut.model_validate(made.json)
    (entry,) = listed(door)["entries"]
    assert (entry["place"], entry["quoted"], entry["by_guest"]) == (1, {"low": 0, "high": 0}, False)
    assert (entry["guest"]["name"], entry["staff_note"]) == ("Ada", "in a hurry")
    evening(3)
    called = act(door, made.json["id"], "ready", tables=["2"])
    assert called.status_code == 200, called.text
    (entry,) = listed(door)["entries"]
    assert (entry["tables"], entry["waited_minutes"]) == (["2"], 3)
    assert entry["is_quote_exceeded"]
    seated = act(door, made.json["id"], "seat")
    assert (seated.json["status"], seated.json["tables"]) == ("seated", ["2"])
    after = listed(door)
    assert after["entries"] == []
    assert after["accuracy"] == {
        "parties": 1, "within": 0, "late": 1, "early": 0, "minutes_off": 3, "median_wait": 3,
    }  # fmt: skip


@pytest.mark.both
def test_a_guest_joins_by_the_link_sees_its_place_and_leaves(door: Stand) -> None:
    for name in ("one", "two"):
        number = add(door, guest={"name": name}).json["id"]
        assert act(door, number, "seat").status_code == 200
    made = join(door)
    assert made.status_code == 201, made.text
    place = f"/manage/{token_of(made)}"
    page = door.client.get(place, headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert "You are number 1 in the list" in page.text
    assert "60 to 90 minutes" in page.text
    assert "Bob" in page.text
    left = door.client.post(f"{place}/leave")
    assert left.status_code == 303
    assert "You are no longer on the list" in door.client.get(place).text
    assert listed(door)["entries"] == []


def test_the_same_key_joins_once(door: Stand) -> None:
    first, again = join(door, key="k"), join(door, key="k")
    assert (again.status_code, again.json["id"]) == (201, first.json["id"])
    assert again.headers["Idempotency-Replayed"] == "true"


def test_one_entry_a_contact_and_nobody_learns_whose(door: Stand) -> None:
    made = join(door)
    again = join(door)
    assert again.status_code == 409
    assert made.json["reference"] not in again.text
    by_staff = add(door, guest={"name": "Bob", "phone": "+4930123456"})
    assert by_staff.status_code == 409
    assert made.json["reference"] in by_staff.json["detail"]


def test_a_strangers_name_is_not_sent_before_the_contact_opened_its_link(door: Stand) -> None:
    number = join(door, guest={"name": "Buy pills", "email": "ada@example.com"}).json["id"]
    page = door.client.get(DOOR, headers=door.as_staff())
    assert "Buy pills" in page.text
    with reading(door.db) as session:
        kinds = session.scalars(
            select(Message.kind).where(Message.reservation_id == int(number))
        ).all()
    assert kinds == ["waitlisted"]


def test_every_verb_of_the_door_needs_its_permission(door: Stand) -> None:
    number = add(door).json["id"]
    assert Permission.KEEP_DOOR in PERMISSIONS[Role.HOST]
    assert Permission.KEEP_DOOR not in PERMISSIONS[Role.VIEWER]
    assert add(door, "viewer").status_code == 403
    for verb, body in (("ready", {}), ("pass-over", {"why": "no answer"}), ("leave", {})):
        assert act(door, number, verb, "viewer", **body).status_code == 403
    headers = door.as_staff("viewer")
    assert door.client.get(DOOR, headers=headers).status_code == 200
    assert door.client.get(f"{DOOR}/accuracy?first=2026-01-01&last=2026-01-31", headers=headers)
    assert door.client.get(DOOR).status_code == 401


def test_a_party_is_passed_over_with_a_reason_and_by_revision(door: Stand) -> None:
    first, second = add(door).json, add(door).json
    missing = act(door, first["id"], "pass-over", why=" ")
    assert (missing.status_code, missing.json["errors"][0]["field"]) == (422, "why")
    place = f"/api/v1/reservations/{first['id']}/pass-over"
    headers = door.as_staff() | {"If-Match": f'"{first["revision"]}"'}
    for _ in range(2):
        done = door.client.post(place, json={"why": "wants the window"}, headers=headers)
        assert done.status_code == 200, done.text
    assert [each["id"] for each in listed(door)["entries"]] == [second["id"], first["id"]]
    act(door, second["id"], "leave")
    stale = door.client.post(place, json={"why": "again"}, headers=headers)
    assert stale.status_code == 200  # the same act, seen already
    gone = act(door, second["id"], "pass-over", why="too late")
    assert gone.status_code == 409


def test_no_table_is_free_and_none_is_named(door: Stand) -> None:
    for _ in range(2):
        act(door, add(door).json["id"], "seat")
    number = add(door).json["id"]
    refused = act(door, number, "ready")
    assert (refused.status_code, refused.json["code"]) == (409, "not-seated")
    assert act(door, number, "ready", tables=["9"]).status_code == 422
    assert act(door, number, "ready", tables=["1"]).status_code == 200
    assert act(door, number, "seat").status_code == 409  # somebody still sits there


def test_the_waitlist_of_a_date_shows_who_was_passed_over_and_why(door: Stand) -> None:
    start = door.start()
    for _ in range(2):
        door.confirmed(start=start, guest={"name": "X", "email": f"{uuid.uuid4().hex}@example.com"})
    waits = door.confirmed(start=start)
    assert act(door, waits["id"], "pass-over", why="prefers lunch").status_code == 200
    answer = door.client.get(
        f"/api/v1/restaurants/demo/waitlist?date={start[:10]}", headers=door.as_staff()
    )
    found = WaitlistOut.model_validate(answer.json)
    (entry,) = found.entries
    assert (entry.id, entry.place, entry.reason) == (waits["id"], 1, "full")
    assert [each.why for each in entry.passed_over] == ["prefers lunch"]


def test_quotes_of_dates_against_the_truth(door: Stand) -> None:
    act(door, add(door).json["id"], "seat")
    today = clock.now().astimezone(BERLIN).date().isoformat()
    place = f"{DOOR}/accuracy?first={today}&last={today}"
    answer = door.client.get(place, headers=door.as_staff())
    found = AccuracyOut.model_validate(answer.json)
    assert (found.parties, found.within) == (1, 1)
    wrong = door.client.get(
        f"{DOOR}/accuracy?first={today}&last=2020-01-01", headers=door.as_staff()
    )
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "last")


def test_the_page_joins_the_list_and_says_what_is_wrong(door: Stand) -> None:
    page = door.client.get("/door/demo")
    assert page.status_code == 200
    key = re.search(r'name="key" value="([^"]+)"', page.text)
    assert key is not None
    form = {"key": key.group(1), "party_size": "2", "name": "", "phone": "12"}
    wrong = door.client.post("/door/demo", data=form)
    assert wrong.status_code == 422
    assert 'id="name-wrong"' in wrong.text
    form |= {"name": "Ada", "phone": "+4930123456"}
    made = door.client.post("/door/demo", data=form)
    assert made.status_code == 303
    again = door.client.post("/door/demo", data=form)
    assert again.headers["Location"] == made.headers["Location"]
    refused = door.client.post("/door/demo", data=form | {"key": "another"})
    assert refused.status_code == 409
    assert WORDS["en"]["refused"] in refused.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_speak_every_language(door: Stand, language: str) -> None:
    asks = {"Accept-Language": language}
    page = door.client.get("/door/demo", headers=asks)
    assert f'<html lang="{language}">' in page.text
    assert WORDS[language]["join_title"] in page.text
    form = {"party_size": "2", "name": "Ada", "phone": "+4930123456"}
    place = door.client.post("/door/demo", data=form, headers=asks).headers["Location"]
    assert WORDS[language]["your_place"].format(n=1) in door.client.get(place).text
    act(door, listed(door)["entries"][0]["id"], "ready")
    assert WORDS[language]["ready"] in door.client.get(place).text
    assert WORDS[language].keys() == WORDS["en"].keys()


def test_a_closed_list_says_so(door: Stand, evening: Callable[[float], None]) -> None:
    with transaction(door.db) as session:
        row = session.get_one(Restaurant, door.restaurant.id)
        row.policies = POLICIES | {"door_parties": 0}
        row.revision += 1
    refused = join(door)
    assert (refused.status_code, refused.json["code"]) == (409, "state-conflict")
    assert listed(door)["closed_because"] == "full"
    evening(600)
    assert WORDS["en"]["closed"] in door.client.get("/door/demo").text


def test_a_list_of_many_costs_as_many_statements_as_a_list_of_one(
    door: Stand,
) -> None:
    costs = []
    for more in (1, 6):
        for _ in range(more):
            add(door)
        listed(door)
        with counting(door.db) as seen:
            listed(door)
        costs.append(seen.count)
    assert costs[0] == costs[1]


def test_a_guest_cannot_change_a_place_into_a_reservation(door: Stand) -> None:
    made = join(door)
    headers = {"Manage-Token": token_of(made)}
    place = f"/api/v1/reservations/{made.json['id']}"
    assert door.client.patch(place, json={"party_size": 1}, headers=headers).status_code == 409
    assert door.client.post(f"{place}/leave", headers=headers).json["status"] == "cancelled"


def limit(stand: Stand, verb: str, **more: Any) -> None:
    body = {"date": clock.now().astimezone(BERLIN).date().isoformat()} | more
    path = f"/api/v1/restaurants/demo/book/{verb}"
    done = stand.client.post(path, json=body, headers=stand.as_staff("manager"))
    assert done.status_code == 200, done.text


def test_a_stop_of_online_booking_closes_the_list_for_guests(door: Stand) -> None:
    later = (clock.now() + timedelta(minutes=25)).isoformat()
    for more, is_open in (({"from": later}, True), ({"covers": 2}, True), ({}, False)):
        limit(door, "stop", **more)
        seen = listed(door)
        assert (seen["is_open"], seen["closed_because"]) == (
            is_open,
            None if is_open else "closed",
        )
        page = door.client.get("/door/demo").text
        assert (WORDS["en"]["join"] in page) == is_open
    assert join(door).status_code == 409
    assert add(door).status_code == 201, "the host may put on the list whom the host likes"
    limit(door, "reopen")
    assert listed(door)["is_open"]
    assert join(door).status_code == 201


def test_nobody_joins_the_list_of_a_closed_book(door: Stand) -> None:
    limit(door, "close", reason="a fire")
    assert not listed(door)["is_open"]
    assert (join(door).status_code, add(door).status_code) == (409, 409)


def test_the_qr_code_is_a_picture_of_the_page_of_the_list(door: Stand) -> None:
    answer = door.client.get(f"{DOOR}/qr.svg")
    assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
    root = ElementTree.fromstring(answer.data)
    assert root.tag.endswith("svg")
    assert {child.tag.rpartition("}")[2] for child in root} == {"title", "path"}
    url = listed(door)["join_url"]
    assert url.endswith("/door/demo")
    width = len(segno.make(url, error="m", micro=False).matrix) + 8
    assert root.attrib["width"] == str(8 * width)
    assert door.client.get("/api/v1/restaurants/nowhere/door/qr.svg").status_code == 404
