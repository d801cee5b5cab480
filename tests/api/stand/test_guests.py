"""Guests over HTTP: found, exported and erased by staff of their own restaurant; consents."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from models.core.database.transactions import transaction
from models.core.settings import settings
from models.entities import Restaurant
from models.queries.floor.load import forget_restaurants
from tests.api.conftest import Answer, Client, Stand, counted, sign_in
from tests.services.running.restaurant import OpenRestaurant

PLACE = "/api/v1/restaurants/demo/guests"
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+49 30 123456"}
YES = {"given": True, "wording": "shop-3"}
NO = {"given": False, "wording": "shop-3"}
CALLS = ("find", "export", "erase")


def call(stand: Stand, what: str, role: str = "manager", **body: Any) -> Answer:
    wanted = body or {"email": "ada@example.com"}
    return stand.client.post(f"{PLACE}/{what}", json=wanted, headers=stand.as_staff(role))


def audit(stand: Stand, query: str = "") -> Any:
    place = f"/api/v1/restaurants/demo/audit{query}"
    return stand.client.get(place, headers=stand.as_staff("owner")).json["entries"]


@pytest.mark.both
def test_a_guest_is_found_however_the_contact_is_written(staffed: Stand) -> None:
    made = staffed.confirmed(guest=ADA, note="nuts", marketing=YES)
    staffed.prove(made)
    for contact in (
        {"email": "ADA@Example.com"},
        {"phone": "+49 (30) 123456"},
        {"phone": "+4930123456"},
    ):
        answer = call(staffed, "find", "host", **contact)
        assert answer.status_code == 200, answer.text
        (row,) = answer.json["reservations"]
        assert (row["id"], row["guest"]["name"], row["note"]) == (made["id"], ADA["name"], "nuts")
        assert "confirmation" in {message["kind"] for message in row["messages"]}
        assert [each["channel"] for each in answer.json["consents"]] == ["email", "sms"]
        assert answer.headers["Cache-Control"] == "no-store"
    assert call(staffed, "find", email="nobody@example.com").json == {
        "reservations": [],
        "consents": [],
        "more": False,
    }


def test_an_address_with_its_own_letters_is_the_same_guest(staffed: Stand) -> None:
    staffed.confirmed(guest={"name": "Jörg", "email": "joerg@bücher-haus.de"})
    ascii_domain = "bücher-haus.de".encode("idna").decode()
    for written in ("Joerg@BÜCHER-haus.de", f"joerg@{ascii_domain}"):
        answer = call(staffed, "find", email=written)
        assert [row["guest"]["name"] for row in answer.json["reservations"]] == ["Jörg"]


@pytest.mark.both
def test_an_export_is_a_file_with_everything(staffed: Stand) -> None:
    staffed.prove(staffed.confirmed(guest=ADA, note="nuts", marketing=YES))
    answer = call(staffed, "export")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="guest.json"'
    (row,) = answer.json["reservations"]
    assert row["guest"]["phone"] == "+4930123456"
    assert row["history"] and row["messages"]
    assert {each["given"] for each in answer.json["consents"]} == {True}
    assert "guest_sealed" not in answer.text and "email_key" not in answer.text


@pytest.mark.both
def test_a_guest_is_forgotten_once(staffed: Stand) -> None:
    made = staffed.confirmed(guest=ADA, marketing=YES)
    staffed.prove(made)
    refused = call(staffed, "erase")
    assert refused.status_code == 409
    assert made["reference"] in refused.json["detail"]
    done = call(staffed, "erase", email="ada@example.com", cancel=True)
    assert done.status_code == 200, done.text
    assert done.json["messages"] >= 2
    assert done.json == {
        "reservations": 1,
        "references": [made["reference"]],
        "cancelled": 1,
        "consents": 2,
        "messages": done.json["messages"],
    }
    again = call(staffed, "erase", email="ada@example.com", cancel=True)
    assert [value for value in again.json.values() if value] == []
    assert call(staffed, "find").json["reservations"] == []
    place = f"/api/v1/reservations/{made['id']}"
    seen = staffed.client.get(place, headers=staffed.as_staff()).json
    assert (seen["guest"]["name"], seen["status"]) == ("erased", "cancelled")
    assert made["reference"] in settings().erasures_file.read_text()


def test_roles(staffed: Stand) -> None:
    place = "/api/v1/restaurants/demo/audit"
    for role, allowed in (
        ("viewer", ()),
        ("host", ("find",)),
        ("manager", CALLS),
        ("owner", CALLS),
    ):
        for what in CALLS:
            expected = 200 if what in allowed else 403
            assert call(staffed, what, role).status_code == expected, (role, what)
        seen = staffed.client.get(place, headers=staffed.as_staff(role)).status_code
        assert seen == (200 if role == "owner" else 403), role
    assert staffed.client.post(f"{PLACE}/find", json={"email": "a@b.de"}).status_code == 401


@pytest.mark.both
def test_another_restaurants_staff_see_and_forget_nothing(
    staffed: Stand, restaurant: Callable[..., OpenRestaurant], make_account: Callable[..., int]
) -> None:
    other = restaurant(slug="other")
    make_account("stranger@example.com", {other.id: "owner"})
    token = sign_in(staffed.client, "stranger@example.com")["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    made = staffed.confirmed(guest=ADA, marketing=YES)
    wanted = {"email": "ada@example.com"}
    for what in CALLS:
        answer = staffed.client.post(f"{PLACE}/{what}", json=wanted, headers=header)
        assert answer.status_code == 404, what
    assert staffed.client.get("/api/v1/restaurants/demo/audit", headers=header).status_code == 404
    consent = f"/api/v1/reservations/{made['id']}/consent"
    assert staffed.client.get(consent, headers=header).status_code == 404
    assert staffed.client.post(consent, json=NO, headers=header).status_code == 404
    # their own restaurant does not know this guest
    own = "/api/v1/restaurants/other/guests"
    found = staffed.client.post(f"{own}/find", json=wanted, headers=header).json
    assert (found["reservations"], found["consents"]) == ([], [])
    exported = staffed.client.post(f"{own}/export", json=wanted, headers=header).json
    assert (exported["reservations"], exported["consents"]) == ([], [])
    erased = staffed.client.post(f"{own}/erase", json=wanted | {"cancel": True}, headers=header)
    assert erased.json["reservations"] == erased.json["consents"] == 0
    (row,) = call(staffed, "find").json["reservations"]
    assert row["guest"]["name"] == ADA["name"]


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "body"),
    ({"email": "a@b.de", "phone": "+4930123456"}, "body"),
    ({"email": None}, "body"),
    ({"email": "nobody"}, "email"),
    ({"email": 7}, "email"),
    ({"phone": "030 123456"}, "phone"),
    ({"phone": "+49"}, "phone"),
    ({"name": "Ada", "email": "a@b.de"}, "name"),
    ({"email": "a@b.de", "cancel": "yes"}, "cancel"),
)


def test_every_refusal_names_its_field(staffed: Stand) -> None:
    header = staffed.as_staff("owner")
    before = counted(staffed.db)
    for body, field in WRONG:
        answer = staffed.client.post(f"{PLACE}/erase", json=body, headers=header)
        assert answer.status_code == 422, body
        assert field in [each["field"] for each in answer.json["errors"]], body
    assert counted(staffed.db) == before


def test_the_audit_names_who_and_what_and_no_contact(staffed: Stand) -> None:
    made = staffed.confirmed(guest=ADA)
    staffed.client.post(
        f"/api/v1/reservations/{made['id']}/consent", json=YES, headers=staffed.as_staff()
    )
    for what in ("find", "export"):
        call(staffed, what)
    call(staffed, "erase", email="ada@example.com", cancel=True)
    entries = audit(staffed)
    assert [each["action"] for each in entries] == [
        "guest.erased",
        "guest.exported",
        "guest.found",
        "consent.changed",
    ]
    assert {tuple(each["about"]) for each in entries} == {(made["reference"],)}
    assert all(each["actor"].startswith("staff:") for each in entries)
    assert "ada" not in str(entries).lower() and "30123456" not in str(entries)
    last = entries[-1]["id"]
    assert audit(staffed, f"?before={last}") == []
    assert len(audit(staffed, f"?before={entries[0]['id']}")) == 3
    wrong = staffed.client.get(
        "/api/v1/restaurants/demo/audit?before=x", headers=staffed.as_staff("owner")
    )
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "before")


def test_no_log_line_has_the_contact(staffed: Stand, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    staffed.confirmed(guest=ADA)
    for what in CALLS:
        call(staffed, what)
        call(staffed, what, phone="+49 30 123456")
    assert caplog.records
    text = "\n".join(record.getMessage() + str(vars(record)) for record in caplog.records)
    assert "ada@example.com" not in text and "30123456" not in text


# --- consents


def said(stand: Stand, made: dict[str, Any]) -> list[tuple[str, bool, str, str]]:
    token = made["manage_token"]
    headers = {"Manage-Token": token} if token else stand.as_staff()
    answer = stand.client.get(f"/api/v1/reservations/{made['id']}/consent", headers=headers)
    return [
        (each["channel"], each["given"], each["source"], each["wording"])
        for each in answer.json["consents"]
    ]


@pytest.mark.both
def test_a_guest_consents_when_booking_and_takes_it_back(staffed: Stand) -> None:
    silent = staffed.confirmed()
    assert said(staffed, silent) == []
    made = staffed.confirmed(guest=ADA, marketing=YES)
    assert counted(staffed.db)["consents"] == 0, "the contact has not answered yet"
    staffed.prove(made)
    expected = [("email", True, "booking", "shop-3"), ("sms", True, "booking", "shop-3")]
    assert said(staffed, made) == expected
    place = f"/api/v1/reservations/{made['id']}/consent"
    header = {"Manage-Token": made["manage_token"]}
    for _ in range(2):  # a repeat adds nothing
        answer = staffed.client.post(place, json=NO, headers=header)
        assert answer.status_code == 200, answer.text
        assert {each["given"] for each in answer.json["consents"]} == {False}
        assert {each["source"] for each in answer.json["consents"]} == {"manage"}
    assert counted(staffed.db)["consents"] == 4
    staffed.client.post(place, json=YES, headers=staffed.as_staff("host"))
    assert {each[2] for each in said(staffed, made)} == {"staff"}
    refused = staffed.client.post(place, json=YES, headers=staffed.as_staff("viewer"))
    assert refused.status_code == 403
    history = call(staffed, "export").json["consents"]
    assert [each["given"] for each in history] == [True, True, False, False, True, True]


def test_a_booking_sent_twice_consents_once(staffed: Stand) -> None:
    for _ in range(2):
        answer = staffed.ask(key="k", guest=ADA, marketing=YES)
        assert answer.status_code == 202
    for _ in range(2):
        staffed.prove(answer.json)
    assert counted(staffed.db)["consents"] == 2


@pytest.mark.parametrize(
    ("marketing", "field"),
    [
        ({"given": "yes", "wording": "1"}, "marketing.given"),
        ({"given": True}, "marketing.wording"),
        ({"given": True, "wording": "<b>"}, "marketing.wording"),
        (True, "marketing"),
    ],
)
def test_a_consent_that_says_nothing_is_refused(
    stand: Stand, marketing: object, field: str
) -> None:
    answer = stand.ask(marketing=marketing)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json["errors"]] == [field]
    assert counted(stand.db)["reservations"] == counted(stand.db)["consents"] == 0


def test_the_staff_note_a_consent_where_there_is_a_contact(staffed: Stand) -> None:
    place = "/api/v1/restaurants/demo/book/reservations"
    header = staffed.as_staff() | {"Idempotency-Key": "k"}
    body = staffed.body(marketing=YES, guest={"name": "Ada"})
    refused = staffed.client.post(place, json=body, headers=header)
    assert refused.status_code == 422
    assert refused.json["errors"][0]["field"] == "marketing"
    made = staffed.client.post(place, json=body | {"guest": ADA}, headers=header)
    assert made.status_code == 201, made.text
    assert {each[2] for each in said(staffed, made.json)} == {"staff"}


def ask_about_news(stand: Stand) -> None:
    with transaction(stand.db) as session:
        session.execute(update(Restaurant).values(policies={"ask_marketing": True}))
    forget_restaurants()


def test_the_pages_ask_where_the_restaurant_wants_it(stand: Stand) -> None:
    query = {"party_size": "2", "start": stand.start()}
    assert (
        'name="news"'
        not in stand.client.get("/book/demo", query_string=query, follow_redirects=True).text
    )
    ask_about_news(stand)
    page = stand.client.get("/book/demo", query_string=query, follow_redirects=True).text
    assert 'name="news" value="yes">' in page, "never ticked beforehand"
    form = query | {"name": "Ada", "email": "ada@example.com"}
    silent = stand.client.post("/book/demo", data=form | {"key": "a"})
    assert "Yes, send me news" in stand.client.get(silent.headers["Location"]).text
    assert counted(stand.db)["consents"] == 0
    other = {"key": "b", "news": "yes", "email": "grace@example.com"}  # a guest without a table
    agreed = stand.client.post("/book/demo", data=form | other)
    place = agreed.headers["Location"]
    assert "Send me none" in stand.client.get(place).text
    assert stand.client.post(f"{place}/news", data={"given": "no"}).status_code == 303
    assert "Yes, send me news" in stand.client.get(place).text
    assert counted(stand.db)["consents"] == 0, "the contact has not answered yet"


def test_a_consent_can_be_withdrawn_when_the_restaurant_asks_no_more(
    stand: Stand, client: Client
) -> None:
    made = stand.confirmed(marketing=YES)
    place = f"/manage/{made['manage_token']}"
    assert "Send me none" in client.get(place).text
    client.post(f"{place}/news", data={"given": "no"})
    assert "News of the restaurant" not in client.get(place).text
