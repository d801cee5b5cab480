"""A guest who goes back and books again is shown the existing table, if identified as the guest."""

import re
from typing import Any

import pytest

from models.core.secrets.signing import manage_token
from tasks.messages import deliver
from tests.api.conftest import Answer, Stand, counted
from tests.api.test_pages import details, fields_of, submit
from tests.services.running import surroundings
from tests.services.servers.mailbox import Mail, Mailbox

ADA = {"name": "Ada Lovelace", "email": "ada@example.com"}
ALREADY = "You have this table already"


def from_the_list(stand: Stand, hour: int = 19, **changes: str) -> Answer:
    """Choose from the list of times, which gives a new key, and submit the form."""
    return submit(stand.client, fields_of(details(stand, start=stand.start(hour)).text), **changes)


def first(stand: Stand) -> str:
    """Book a table with this browser. Return the path of its manage page."""
    answer = from_the_list(stand)
    stand.decide()
    return str(answer.headers["Location"])


def told(mailbox: Mailbox) -> list[Mail]:
    deliver()
    return list(mailbox.mails())


def ask_again(stand: Stand, *tokens: str, **changes: Any) -> Answer:
    """Request a table by the API with these manage tokens and a new key."""
    key = f"key-{counted(stand.db)['idempotency_keys']}"
    headers = [("Idempotency-Key", key), *(("Manage-Token", each) for each in tokens)]
    place = "/api/v1/restaurants/demo/reservations"
    return stand.client.post(place, json=stand.body(**changes), headers=headers)


@pytest.mark.both
def test_a_second_request_from_the_list_shows_the_first_table(
    stand: Stand, mailbox: Mailbox
) -> None:
    place = first(stand)
    again = from_the_list(stand)
    assert again.status_code == 303
    assert again.headers["Location"] == f"{place}?again=same"
    page = stand.client.get(again.headers["Location"]).text
    assert ALREADY in page and "no table" not in page
    stand.decide()
    assert counted(stand.db)["reservations"] == 1
    assert len(told(mailbox)) == 1


def test_a_request_for_a_near_time_shows_how_to_change_the_first(stand: Stand) -> None:
    place = first(stand)
    again = from_the_list(stand, 20)
    assert again.headers["Location"] == f"{place}?again=other"
    page = stand.client.get(again.headers["Location"]).text
    assert ALREADY in page and "change this one" in page
    assert counted(stand.db)["reservations"] == 1


def test_another_guest_at_the_same_browser_has_a_table_of_their_own(stand: Stand) -> None:
    place = first(stand)
    other = from_the_list(stand, email="bob@example.com", name="Bob")
    stand.decide()
    assert other.headers["Location"].partition("?")[0] != place
    assert "Your table is reserved" in stand.client.get(other.headers["Location"]).text


def test_a_guest_may_ask_again_after_cancelling(stand: Stand) -> None:
    place = first(stand)
    stand.client.post(f"{place}/cancel")
    again = from_the_list(stand)
    stand.decide()
    assert again.headers["Location"] != f"{place}?again=same"
    assert "Your table is reserved" in stand.client.get(again.headers["Location"]).text


def test_the_cookie_is_for_these_pages_alone(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, service_env: dict[str, str]
) -> None:
    def attributes() -> set[str]:
        cookie = from_the_list(stand).headers["Set-Cookie"]
        return {part.strip().partition("=")[0] for part in cookie.split(";")[1:]}

    cookie = from_the_list(stand).headers["Set-Cookie"]
    assert re.search(r"; Path=/book/demo(;|$)", cookie)
    assert "SameSite=Lax" in cookie and "Max-Age=86400" in cookie
    stand.client.post("/book/demo")  # not a valid request, so no cookie
    surroundings.settle(monkeypatch, service_env | {"PUBLIC_URL": "https://book.example"})
    stand.client.delete_cookie("maitred_asked", path="/book/demo")
    stand.client.delete_cookie("maitred_asked")
    found = from_the_list(stand, email="eve@example.com").headers["Set-Cookie"]
    assert "HttpOnly" in found and "Secure" in found


@pytest.mark.both
def test_a_stranger_learns_nothing_and_the_guest_is_sent_the_link_once(
    stand: Stand, mailbox: Mailbox
) -> None:
    made = stand.confirmed()
    assert len(told(mailbox)) == 1
    for _ in range(3):
        answer = ask_again(stand)
        assert answer.status_code == 202
        stand.decide()
        place = f"/api/v1/reservations/{answer.json['id']}"
        seen = stand.client.get(place, headers={"Manage-Token": answer.json["manage_token"]}).json
        assert (seen["status"], seen["reason"]) == ("declined", "full")
    mails = told(mailbox)
    assert len(mails) == 2
    assert "You have a table already" in mails[1].text
    assert made["reference"] in mails[1].text and made["manage_token"] in mails[1].text


@pytest.mark.both
def test_the_api_names_the_first_table_to_a_holder_of_its_link(stand: Stand) -> None:
    made = stand.confirmed()
    answer = ask_again(stand, made["manage_token"])
    assert (answer.status_code, answer.json["code"]) == (409, "already-booked")
    assert answer.json["reservation_id"] == made["id"]
    assert answer.json["manage_url"] == made["manage_url"]
    assert counted(stand.db)["reservations"] == counted(stand.db)["idempotency_keys"] == 1
    # far enough from the first, it is another visit
    assert ask_again(stand, made["manage_token"], start=stand.start(days=5)).status_code == 202


def test_the_same_request_with_its_link_is_answered_as_before(stand: Stand) -> None:
    made = stand.ask(key="once").json
    headers = {"Idempotency-Key": "once", "Manage-Token": made["manage_token"]}
    place = "/api/v1/restaurants/demo/reservations"
    again = stand.client.post(place, json=stand.body(), headers=headers)
    assert (again.status_code, again.json["id"]) == (202, made["id"])


def test_no_link_that_proves_nothing_says_anything(stand: Stand) -> None:
    made = stand.confirmed()
    other = stand.confirmed(guest=ADA | {"email": "bob@example.com"})
    forged = manage_token(int(made["id"]), b"12345678")
    for token in ("x", "", forged, f"{made['manage_token']}x", other["manage_token"]):
        assert ask_again(stand, token).status_code == 202, token


def test_a_waitlisted_guest_may_ask_for_another_time(stand: Stand) -> None:
    for number in range(6):
        stand.ask(guest=ADA | {"email": f"party{number}@example.com"}, party_size=2)
    stand.decide()
    waiting = stand.confirmed()
    place = f"/api/v1/reservations/{waiting['id']}"
    header = {"Manage-Token": waiting["manage_token"]}
    assert stand.client.get(place, headers=header).json["status"] == "waitlisted"
    assert ask_again(stand, waiting["manage_token"]).status_code == 409
    assert ask_again(stand, waiting["manage_token"], start=stand.start(20)).status_code == 202


def test_the_staff_may_book_two_tables_for_one_guest(staffed: Stand) -> None:
    staffed.confirmed()
    header = staffed.as_staff() | {"Idempotency-Key": "k"}
    place = "/api/v1/restaurants/demo/book/reservations"
    made = staffed.client.post(place, json=staffed.body(), headers=header)
    assert made.status_code == 201
