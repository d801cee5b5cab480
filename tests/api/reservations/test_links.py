"""Manage links: staff never get one, and each can be revoked."""

import base64
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import delete, func, select, update

from models.core import clock
from models.core.database.transactions import reading, transaction
from models.core.secrets.signing import manage_token
from models.core.settings import settings
from models.entities import (
    Assignment,
    GuestRecord,
    Message,
    Reservation,
    ReservationMove,
    TableOccupancy,
)
from models.integrity.check import findings
from models.operations.guest_book.filing import file_some
from models.rules.permissions import PERMISSIONS, Permission, Role
from models.rules.reservations.links import LASTS, SENT_MOST
from tests.api.conftest import Answer, Client, Stand, sign_in
from tests.services.pictures import png
from tests.services.running.restaurant import OpenRestaurant

pytestmark = pytest.mark.both

#: request bodies of endpoints that require one; the others are called without
BODIES: dict[str, Any] = {
    "reservations.change": {"note": "by the window"},
    "guests.find": {"email": "ada@example.com"},
    "guests.export": {"email": "ada@example.com"},
    "guests.erase": {"email": "nobody@example.com"},
    "guests.set_consent": {"given": True, "wording": "x"},
    "guest_search.search": {"text": "ada"},
    "guest_records.patch_guest": {"vip": True},
    "guest_records.add_guest_note": {"text": "likes the window"},
    "guest_records.merge_guests": {"guest": "999999"},
    "guest_records.unmerge_guests": {"guest": "999999"},
    "guest_records.set_guest_consent": {"given": True, "wording": "x"},
    "flags.put_flag": {"percent": 0},
    "links.send": {"renew": True},
    "messages.send_some_again": {"since": "2026-01-01T00:00:00Z"},
    "door.add_to_door": {"party_size": 2, "guest": {"name": "Ada"}},
    "table_acts.assigned": {"tables": ["4"]},
    "table_acts.extended": {"open_end": True},
    "arrivals.running_late": {"until": None},
    "blocks.block": {"tables": ["5"], "reason": "x", "parties": "move", "preview": True},
}


def secrets_of(number: int) -> list[str]:
    """Return every secret that gives access to the reservation, or is part of one."""
    with reading() as session:
        secret = session.get_one(Reservation, number).link_secret
    assert secret
    plain = base64.urlsafe_b64encode(secret).decode().rstrip("=")
    forms = [manage_token(number, secret), manage_token(number, None), plain, secret.hex()]
    return [*forms, "/manage/"]


def asked_of_staff(app: APIFlask) -> Iterator[tuple[str, str, str]]:
    """Yield endpoint, method and rule of everything that staff may call."""
    for rule in app.url_map.iter_rules():
        access = getattr(app.view_functions[rule.endpoint], "access", None)
        by_cookie = rule.endpoint.startswith("stand_")  # pages, which answer others by a redirect
        if access and access.kind != "public" and not by_cookie:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule.endpoint, method, rule.rule


def call(stand: Stand, role: Role, endpoint: str, method: str, rule: str, number: str) -> Answer:
    date = stand.start()[:10]
    day = {"date": date} if any(each in rule for each in ("/book", "/blocks", "/waitlist")) else {}
    day = {"first": date, "last": date} if rule.endswith("/accuracy") else day
    values = {"slug": stand.restaurant.slug, "reservation_id": number, "sign_in_id": "999999"}
    with transaction() as session:
        file_some(session, after=0, now=clock.now(), limit=1000)
        values["guest_id"] = str(session.scalar(select(func.min(GuestRecord.id))))
        values["note_id"] = "1"
        first = select(func.min(Message.id)).where(Message.reservation_id == int(number))
        message = session.scalar(first)
    values |= {"name": "logo", "flag": "sms", "message_id": str(message), "block_id": "999999"}
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], rule)
    body = BODIES.get(endpoint, {})
    if endpoint == "book.book_table":
        body = stand.body(start=stand.start(20, 30))
    if endpoint.startswith("limits.") and method == "POST":
        more = {"limits.close": {"reason": "x", "preview": True}}
        body = day | more.get(endpoint, {})
    if endpoint == "proposals.get_proposals":
        day = {"party_size": "2", "start": stand.start()}
    if endpoint.startswith("sections."):
        day |= {"shift": "dinner"}
        body = day | {"sections": [{"server": "Ana"}]}
    if endpoint == "limits.cancel_many":
        body = {"reservations": [number], "preview": True}
    headers = stand.as_staff(role) | {"Idempotency-Key": f"{role}-{method}-{number}"}
    if endpoint == "files.put_file":
        return stand.client.put(path, data=png(), headers=headers)
    sent = {} if method == "GET" else {"json": body}
    return stand.client.open(path, method=method, headers=headers, query_string=day, **sent)


def test_no_answer_to_the_staff_opens_a_reservation(
    app: APIFlask, staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAM_SECONDS", "1")
    settings.cache_clear()
    staffed.client.put(
        f"/api/v1/restaurants/{staffed.restaurant.slug}/files/logo",
        data=png(),
        headers=staffed.as_staff("owner"),
    )
    reached: set[str] = set()
    for role in Role:
        for endpoint, method, rule in asked_of_staff(app):
            if endpoint == "auth.sign_out":
                continue
            number = int(staffed.confirmed(start=staffed.start(19, 0))["id"])
            with transaction() as session:  # it starts now, or the stand could do nothing
                begun = {"starts_at": clock.now(), "ends_at": clock.now() + timedelta(hours=2)}
                session.execute(update(Reservation).where(Reservation.id == number).values(begun))
                session.execute(update(Message).values(state="failed"))
            answer = call(staffed, role, endpoint, method, rule, str(number))
            text = answer.get_data().decode("latin-1") + str(answer.headers)
            answer.close()
            if answer.status_code < 300:
                reached.add(endpoint)
            found = [each for each in secrets_of(number) if each in text]
            assert not found, (role, method, rule)
            with transaction() as session:  # room for the next one
                session.execute(update(Reservation).values(status="cancelled"))
                session.execute(update(GuestRecord).values(blocked_at=None))
                session.execute(delete(TableOccupancy))
    wanted = {endpoint for endpoint, _, _ in asked_of_staff(app)}
    # status changes that this reservation cannot make, and endpoints for the caller's own account
    assert wanted - reached <= UNREACHED


UNREACHED = {
    # a party at the door, a block and a second party that there are not
    "table_acts.swapped",
    "blocks.lift",
    "door_verbs.left",
    "door_verbs.passed_over",
    "door_verbs.ready",
    "auth.sign_out",
    "auth.end_sign_in",
    "auth.change_password",
    "arrivals.finished",
    "arrivals.taken_back",
    "arrivals.spent",
    "guest_records.merge_guests",  # there is one guest
    "guest_records.unmerge_guests",
    # the request waits for no approval
    "arrivals.declined",
}


def test_a_viewer_cannot_act_as_the_guest(staffed: Stand) -> None:
    body = staffed.confirmed()
    place = f"/api/v1/reservations/{body['id']}"
    seen = staffed.client.get(place, headers=staffed.as_staff("viewer")).json
    assert (seen["manage_token"], seen["manage_url"]) == (None, None)
    assert (
        staffed.client.post(f"{place}/link", headers=staffed.as_staff("viewer")).status_code == 403
    )
    asked = {"Manage-Token": str(seen["manage_token"])}
    assert staffed.client.post(f"{place}/cancel", headers=asked).status_code == 401
    guest = {"Manage-Token": body["manage_token"]}
    own = staffed.client.get(place, headers=guest).json
    assert own["manage_token"] == body["manage_token"]


def sent(stand: Stand, number: str, *, role: str = "host", **body: Any) -> Answer:
    return stand.client.post(
        f"/api/v1/reservations/{number}/link", json=body, headers=stand.as_staff(role)
    )


def links_queued(number: str) -> list[tuple[str, int]]:
    with reading() as session:
        query = select(Message.channel, Message.variant).where(
            Message.reservation_id == int(number), Message.kind == "link"
        )
        return [(row.channel, row.variant) for row in session.execute(query.order_by(Message.id))]


@pytest.mark.parametrize("role", list(Role))
def test_only_permitted_roles_send_the_link_again(staffed: Stand, role: Role) -> None:
    guest = {"name": "Ada", "email": "ada@example.com", "phone": "+49301234567"}
    number = staffed.confirmed(guest=guest)["id"]
    answer = sent(staffed, number, role=role)
    may = Permission.SEND_LINKS in PERMISSIONS[role]
    assert may == (role is not Role.VIEWER)
    assert answer.status_code == (200 if may else 403)
    assert links_queued(number) == ([("email", 1), ("sms", 1)] if may else [])
    if may:
        assert answer.json == {"channels": ["email", "sms"]}
        audit = staffed.client.get(
            f"/api/v1/restaurants/{staffed.restaurant.slug}/audit",
            headers=staffed.as_staff("owner"),
        ).json["entries"]
        assert audit[0]["action"] == "link.sent"
        with reading() as session:
            assert findings(session, now=clock.now(), grace_seconds=3600) == []


def test_a_link_that_was_withdrawn_opens_nothing(staffed: Stand) -> None:
    body = staffed.confirmed()
    place, old = f"/api/v1/reservations/{body['id']}", body["manage_token"]
    assert sent(staffed, body["id"], renew=True).json == {"channels": ["email"]}
    with reading() as session:
        secret = session.get_one(Reservation, int(body["id"])).link_secret
    for token, api, page in (
        (old, 401, 404),
        (manage_token(int(body["id"]), None), 401, 404),
        (manage_token(int(body["id"]), secret), 200, 200),
    ):
        header = {"Manage-Token": token}
        assert staffed.client.get(place, headers=header).status_code == api
        assert staffed.client.get(f"/manage/{token}").status_code == page
    for path in ("change", "details", "cancel"):
        assert staffed.client.post(f"/manage/{old}/{path}", data={}).status_code == 404
    assert staffed.client.get(place, headers=staffed.as_staff()).json["status"] == "confirmed"


def test_the_link_is_not_sent_without_end_nor_to_nobody(staffed: Stand) -> None:
    number = staffed.confirmed()["id"]
    assert [sent(staffed, number).status_code for _ in range(SENT_MOST + 2)] == (
        [200] * SENT_MOST + [409] * 2
    )
    assert links_queued(number) == [("email", each + 1) for each in range(SENT_MOST)]
    path = f"/api/v1/restaurants/{staffed.restaurant.slug}/book/reservations"
    headers = staffed.as_staff() | {"Idempotency-Key": "walk"}
    nobody = staffed.client.post(
        path, json=staffed.body(guest={"name": "Ada"}), headers=headers
    ).json["id"]
    assert sent(staffed, nobody).status_code == 409
    assert sent(staffed, nobody, renew=True).json == {"channels": []}
    staffed.client.post(f"/api/v1/reservations/{nobody}/cancel", headers=staffed.as_staff())
    assert sent(staffed, nobody).status_code == 409


def test_another_restaurants_staff_send_nothing(
    staffed: Stand, restaurant: Callable[..., OpenRestaurant], make_account: Callable[..., int]
) -> None:
    other = restaurant(slug="other")
    make_account("stranger@example.com", {other.id: "owner"})
    token = sign_in(staffed.client, "stranger@example.com")["access_token"]
    body = staffed.confirmed()
    answer = staffed.client.post(
        f"/api/v1/reservations/{body['id']}/link",
        json={"renew": True},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 404
    guest = {"Manage-Token": body["manage_token"]}
    place = f"/api/v1/reservations/{body['id']}"
    assert staffed.client.get(place, headers=guest).status_code == 200


def opens(client: Client, number: int, token: str) -> tuple[int, int]:
    """Return the statuses of the API and of the page."""
    place = f"/api/v1/reservations/{number}"
    api = client.get(place, headers={"Manage-Token": token}).status_code
    return api, client.get(f"/manage/{token}").status_code


@pytest.mark.parametrize("made", ["with a secret", "before there were secrets"])
def test_a_link_does_not_open_another_reservation_with_the_same_number(
    stand: Stand, made: str
) -> None:
    """As after a restore, when an id is assigned a second time."""
    number = int(stand.confirmed()["id"])
    with transaction() as session:
        row = session.get_one(Reservation, number)
        if made != "with a secret":
            row.link_secret = None
        old = manage_token(number, row.link_secret)
    assert opens(stand.client, number, old) == (200, 200)
    fresh = int(stand.confirmed(guest={"name": "Bo", "email": "bo@example.com"})["id"])
    with transaction() as session:
        for each in (ReservationMove, Assignment):
            session.execute(delete(each))
        session.execute(delete(Reservation).where(Reservation.id == number))
        session.execute(update(Reservation).where(Reservation.id == fresh).values(id=number))
    assert opens(stand.client, number, old) == (401, 404)


def test_a_link_ends_some_days_after_the_visit(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = stand.confirmed()
    number, token = int(body["id"]), body["manage_token"]
    with reading() as session:
        ends = session.get_one(Reservation, number).ends_at
    for later, status in ((LASTS, (200, 200)), (LASTS + timedelta(seconds=1), (401, 404))):
        monkeypatch.setattr(clock, "now", lambda at=ends + later: at)
        assert opens(stand.client, number, token) == status


def test_a_link_of_before_opens_what_it_opened(stand: Stand) -> None:
    number = int(stand.confirmed()["id"])
    old = manage_token(number, None)
    assert opens(stand.client, number, old) == (401, 404)
    with transaction() as session:
        session.execute(update(Reservation).values(link_secret=None))
    assert opens(stand.client, number, old) == (200, 200)


def test_a_forged_token_costs_no_look_at_the_database(
    stand: Stand, query_counter: Callable[[], Any]
) -> None:
    body = stand.confirmed()
    number, secret, signature = body["manage_token"].split(".")
    with query_counter() as statements:
        for forged in (f"{number}.{secret}.{signature[::-1]}", f"{number}.x", "9" * 400):
            assert opens(stand.client, int(number), forged) == (401, 404)
    assert statements.count == 0
    with query_counter() as statements:
        header = {"Manage-Token": body["manage_token"]}
        assert stand.client.get(f"/api/v1/reservations/{number}", headers=header).status_code == 200
    assert statements.count == 5
