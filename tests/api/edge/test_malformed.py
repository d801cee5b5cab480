"""Malformed requests: each a 4xx problem that names the field, nothing written, never a 500."""

from typing import Any

import pytest

from tests.api.conftest import Answer, Stand, counted, sign_in
from tests.api.edge.malformed import BOOK, JSON, MALFORMED, text_of

PROBLEM = {"type", "title", "status", "detail", "code", "errors", "request_id"}


def check_problem(answer: Answer, status: int, field: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert set(answer.json) >= PROBLEM
    assert answer.json["status"] == status
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    if field:
        assert field in [entry["field"] for entry in answer.json["errors"]], answer.text


def test_the_table_is_long_enough() -> None:
    assert len(MALFORMED) >= 60
    assert len({bad.name for bad in MALFORMED}) == len(MALFORMED)


@pytest.mark.both
def test_malformed_requests_are_refused_by_name_and_write_nothing(stand: Stand) -> None:
    before = counted(stand.db)
    for bad in MALFORMED:
        try:
            answer = stand.client.open(
                bad.path,
                method=bad.method,
                data=text_of(bad, stand),
                headers=bad.headers,
                content_type=bad.content_type if bad.method == "POST" else None,
            )
            check_problem(answer, bad.status, bad.field)
        except AssertionError as failed:
            raise AssertionError(f"{bad.name}: {failed}") from failed
    assert counted(stand.db) == before


PATCHES: dict[str, tuple[Any, int, str]] = {
    "nothing": ({}, 422, "body"),
    "party null": ({"party_size": None}, 422, "party_size"),
    "party 0": ({"party_size": 0}, 422, "party_size"),
    "party a text": ({"party_size": "4"}, 422, "party_size"),
    "party too large": ({"party_size": 50}, 422, "party_size"),
    "start naive": ({"start": "2027-05-01T19:00:00"}, 422, "start"),
    "start null": ({"start": None}, 422, "start"),
    "start in the past": ({"start": "2021-05-01T19:00:00Z"}, 422, "start"),
    "area unknown": ({"area": "roof"}, 422, "area"),
    "guest null": ({"guest": None}, 422, "guest"),
    "name null": ({"guest": {"name": None}}, 422, "guest.name"),
    "name empty": ({"guest": {"name": " "}}, 422, "guest.name"),
    "contact taken away": ({"guest": {"email": None}}, 422, "guest"),
    "phone wrong": ({"guest": {"phone": "123"}}, 422, "guest.phone"),
    "note with NUL": ({"note": "\x00"}, 422, "note"),
    "status": ({"status": "confirmed"}, 422, "status"),
}


@pytest.mark.both
def test_malformed_changes_are_refused_by_name(stand: Stand) -> None:
    body = stand.confirmed()
    before = counted(stand.db)
    place = f"/api/v1/reservations/{body['id']}"
    header = {"Manage-Token": body["manage_token"]}
    for name, (patch, status, field) in PATCHES.items():
        answer = stand.client.patch(place, json=patch, headers=header)
        try:
            check_problem(answer, status, field)
        except AssertionError as failed:
            raise AssertionError(f"{name}: {failed}") from failed
    unreadable = stand.client.patch(place, json={"note": "x"}, headers=header | {"If-Match": "2"})
    check_problem(unreadable, 400, "If-Match")
    foreign_tag = header | {"If-Match": '"elsewhere"'}
    check_problem(stand.client.patch(place, json={"note": "x"}, headers=foreign_tag), 412, "")
    check_problem(stand.client.post(f"{place}/cancel", json={"why": 1}, headers=header), 422, "why")
    assert counted(stand.db) == before
    assert stand.client.get(place, headers=header).headers["ETag"] == '"2"'


def test_forged_and_foreign_tokens_open_nothing(stand: Stand) -> None:
    mine, other = stand.confirmed(), stand.confirmed()
    place = f"/api/v1/reservations/{mine['id']}"
    token = mine["manage_token"]
    forged = ["", "x", "x.y", token[:-1], token + "A", "A" + token, token.swapcase(), "\u2603"]
    before = counted(stand.db)
    for bad in forged:
        header = {"Manage-Token": bad}
        for answer in (
            stand.client.get(place, headers=header),
            stand.client.patch(place, json={"note": "x"}, headers=header),
            stand.client.post(f"{place}/cancel", headers=header),
        ):
            check_problem(answer, 401, "")
    foreign = {"Manage-Token": other["manage_token"]}
    check_problem(stand.client.get(place, headers=foreign), 404, "")
    check_problem(stand.client.post(f"{place}/cancel", headers=foreign), 404, "")
    check_problem(stand.client.get(place), 401, "")
    for number in ("0", "007", "-1", "9" * 30, "abc", "1%00"):
        answer = stand.client.get(f"/api/v1/reservations/{number}", headers=foreign)
        check_problem(answer, 404, "")
    assert counted(stand.db) == before


def test_forged_staff_tokens_open_nothing(staffed: Stand) -> None:
    token = sign_in(staffed.client, "host@example.com")["access_token"]
    head, claims, mark = token.split(".")
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"  # {"alg":"none","typ":"JWT"}
    for bad in (
        "",
        "Bearer",
        "Bearer x",
        "Bearer a.b.c",
        f"Bearer {head}.{claims}.",
        f"Bearer {unsigned}.{claims}.",
        f"Bearer {head}.{claims}.{mark[::-1]}",
        f"Bearer {claims}.{claims}.{mark}",
        f"Basic {token}",
        f"Bearer {token} {token}",
        token,
    ):
        answer = staffed.client.get("/api/v1/auth/me", headers={"Authorization": bad})
        check_problem(answer, 401, "")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="maitred"'


def test_wrong_sign_ins_are_problems(stand: Stand) -> None:
    before = counted(stand.db)
    place = "/api/v1/auth/sign-in"
    for body, status, field in (
        ({}, 422, "email"),
        ({"email": "a@example.com"}, 422, "password"),
        ({"email": ["a"], "password": "x"}, 422, "email"),
        ({"email": "a@example.com", "password": "x" * 201}, 422, "password"),
        ({"email": "a@example.com", "password": "x", "role": "owner"}, 422, "role"),
        ({"email": "a'--@example.com", "password": "x\x00"}, 401, ""),
    ):
        check_problem(stand.client.post(place, json=body), status, field)
    for token in ("x", "a.b.c", "\x00", "x" * 4096):
        answer = stand.client.post("/api/v1/auth/refresh", json={"refresh_token": token})
        check_problem(answer, 401, "")
    assert counted(stand.db) == before


def test_unknown_addresses_and_methods_are_problems(stand: Stand) -> None:
    check_problem(stand.client.get("/api/v1/nothing"), 404, "")
    wrong = stand.client.put(BOOK, data=b"{}", content_type=JSON)
    check_problem(wrong, 405, "")
    assert "POST" in wrong.headers["Allow"]
    check_problem(stand.client.open(BOOK, method="BREW"), 405, "")


def test_a_strange_request_id_is_replaced(stand: Stand) -> None:
    kept = stand.client.get("/healthz", headers={"X-Request-ID": "abc-123"})
    assert kept.headers["X-Request-ID"] == "abc-123"
    for strange in ("a b", "x" * 65, "<script>", ""):
        answer = stand.client.get("/healthz", headers={"X-Request-ID": strange})
        assert answer.headers["X-Request-ID"] != strange
        assert len(answer.headers["X-Request-ID"]) == 32
