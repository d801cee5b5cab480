"""Sign-in, refresh and sign-out of staff; roles, and isolation between restaurants."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import jwt
import pytest
from apiflask import APIFlask
from flask_jwt_extended import create_access_token
from sqlalchemy import update

from models.core import clock
from models.core.database.transactions import transaction
from models.entities import Account, SignIn
from models.operations.accounts.accounts import open_sign_in
from tests.api.conftest import PASSWORD, Client, Stand, sign_in
from tests.services.counting import Statements
from tests.services.running.restaurant import OpenRestaurant
from tests.services.servers.redis import RedisServer

Counter = Callable[[], AbstractContextManager[Statements]]
MakeAccount = Callable[..., int]


def me(client: Client, token: str) -> Any:
    return client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code


def refresh(client: Client, token: str) -> tuple[int, dict[str, str]]:
    answer = client.post("/api/v1/auth/refresh", json={"refresh_token": token})
    return answer.status_code, answer.json


@pytest.mark.both
def test_a_signed_in_account_may_ask_about_itself(stand: Stand, make_account: MakeAccount) -> None:
    make_account("host@example.com", {stand.restaurant.id: "host"})
    tokens = sign_in(stand.client, "HOST@example.com")
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 900
    answer = stand.client.get(
        "/api/v1/auth/me", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    )
    assert answer.json["email"] == "host@example.com"
    assert answer.json["restaurants"][0]["role"] == "host"
    assert "parties:move" in answer.json["restaurants"][0]["permissions"]


def test_a_wrong_password_and_an_unknown_account_read_alike(
    client: Client, make_account: MakeAccount
) -> None:
    make_account("host@example.com")
    wrong = [
        client.post("/api/v1/auth/sign-in", json={"email": email, "password": "wrong wrong"})
        for email in ("host@example.com", "nobody@example.com")
    ]
    assert [answer.status_code for answer in wrong] == [401, 401]
    texts = [answer.json | {"request_id": ""} for answer in wrong]
    assert texts[0] == texts[1]
    assert wrong[0].headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.both
def test_a_refresh_token_is_good_once(client: Client, make_account: MakeAccount) -> None:
    make_account("host@example.com")
    tokens = sign_in(client, "host@example.com")
    status, fresh = refresh(client, tokens["refresh_token"])
    assert status == 200
    assert me(client, fresh["access_token"]) == 200
    # reuse of a spent token means that it was copied, so the whole sign-in ends
    assert refresh(client, tokens["refresh_token"])[0] == 401
    assert me(client, fresh["access_token"]) == 401
    assert me(client, tokens["access_token"]) == 401
    assert refresh(client, fresh["refresh_token"])[0] == 401


@pytest.mark.both
def test_signing_out_ends_every_token_of_the_sign_in(
    client: Client, make_account: MakeAccount
) -> None:
    make_account("host@example.com")
    tokens, other = sign_in(client, "host@example.com"), sign_in(client, "host@example.com")
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert client.post("/api/v1/auth/sign-out", headers=header).status_code == 204
    assert me(client, tokens["access_token"]) == 401
    assert refresh(client, tokens["refresh_token"])[0] == 401
    assert me(client, other["access_token"]) == 200


def test_an_access_token_is_no_refresh_token(client: Client, make_account: MakeAccount) -> None:
    make_account("host@example.com")
    tokens = sign_in(client, "host@example.com")
    assert refresh(client, tokens["access_token"])[0] == 401
    assert me(client, tokens["refresh_token"]) == 401


def test_a_token_is_good_within_its_time_alone(
    app: APIFlask, client: Client, make_account: MakeAccount
) -> None:
    number = make_account("host@example.com")
    claims = jwt.decode(
        sign_in(client, "host@example.com")["access_token"], options={"verify_signature": False}
    )
    for lasts, status in ((60, 200), (-60, 401)):
        with app.app_context():
            token = create_access_token(
                str(number),
                additional_claims={"sid": claims["sid"]},
                expires_delta=timedelta(seconds=lasts),
            )
        assert me(client, token) == status


def test_an_account_that_was_closed_is_out_at_once(
    client: Client, make_account: MakeAccount, stand: Stand
) -> None:
    make_account("host@example.com")
    tokens = sign_in(client, "host@example.com")
    with transaction(stand.db) as session:
        session.execute(update(Account).values(active=False))
    assert me(client, tokens["access_token"]) == 401
    assert refresh(client, tokens["refresh_token"])[0] == 401


def test_a_sign_in_that_ran_out_is_over(
    client: Client, make_account: MakeAccount, stand: Stand
) -> None:
    make_account("host@example.com")
    tokens = sign_in(client, "host@example.com")
    with transaction(stand.db) as session:
        session.execute(update(SignIn).values(expires_at=clock.now() - timedelta(seconds=1)))
    assert me(client, tokens["access_token"]) == 401


def test_ten_failures_have_to_wait(
    client: Client, make_account: MakeAccount, redis: RedisServer
) -> None:
    make_account("host@example.com")
    wrong = {"email": "host@example.com", "password": "wrong wrong"}
    for _failure in range(10):
        assert client.post("/api/v1/auth/sign-in", json=wrong).status_code == 401
    right = {"email": "Host@example.com", "password": PASSWORD}
    answer = client.post("/api/v1/auth/sign-in", json=right)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    elsewhere = client.post(
        "/api/v1/auth/sign-in", json=right, environ_base={"REMOTE_ADDR": "192.0.2.9"}
    )
    assert elsewhere.status_code == 200


@pytest.mark.parametrize(
    ("seconds", "status"), [(3, 200), (19, 200), (40, 401), (-900 - 3, 200), (-900 - 40, 401)]
)
def test_the_clock_of_another_host_may_be_some_seconds_off(
    client: Client, make_account: MakeAccount, app: APIFlask, seconds: int, status: int
) -> None:
    number = make_account("host@example.com")
    with transaction() as session:
        opened = open_sign_in(session, number, now=clock.now())
    at = clock.now() + timedelta(seconds=seconds)
    with app.app_context():
        made = create_access_token(str(number), additional_claims={"sid": opened.sign_in_id})
        claims = jwt.decode(made, options={"verify_signature": False})
        claims |= {"iat": at, "nbf": at, "exp": at + timedelta(minutes=15)}
        token = jwt.encode(claims, app.config["JWT_SECRET_KEY"], algorithm="HS256")
    assert me(client, token) == status


def test_staff_cost_one_query_before_the_work(staffed: Stand, query_counter: Counter) -> None:
    header = staffed.as_staff()
    with query_counter() as statements:
        answer = staffed.client.get("/api/v1/auth/me", headers=header)
    assert answer.status_code == 200
    assert statements.count == 1


def test_a_viewer_reads_and_a_host_moves(staffed: Stand) -> None:
    body = staffed.confirmed()
    place = f"/api/v1/reservations/{body['id']}"
    seen = staffed.client.get(place, headers=staffed.as_staff("viewer"))
    assert seen.status_code == 200
    assert seen.json["tables"]
    for wish in ("cancel", "arrive", "seat", "finish", "no-show", "take-back"):
        answer = staffed.client.post(f"{place}/{wish}", headers=staffed.as_staff("viewer"))
        assert answer.status_code == 403, wish
    patch = staffed.client.patch(place, json={"note": "x"}, headers=staffed.as_staff("viewer"))
    assert patch.status_code == 403
    cancelled = staffed.client.post(f"{place}/cancel", headers=staffed.as_staff("host"))
    assert cancelled.status_code == 200
    assert cancelled.json["status"] == "cancelled"


@pytest.mark.both
def test_another_restaurants_staff_find_nothing(
    staffed: Stand, restaurant: Callable[..., OpenRestaurant], make_account: MakeAccount
) -> None:
    other = restaurant(slug="other")
    make_account("stranger@example.com", {other.id: "owner"})
    token = sign_in(staffed.client, "stranger@example.com")["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    body = staffed.confirmed()
    place = f"/api/v1/reservations/{body['id']}"
    answers = [
        staffed.client.get(place, headers=header),
        staffed.client.patch(place, json={"note": "x"}, headers=header),
        *(
            staffed.client.post(f"{place}/{wish}", headers=header)
            for wish in ("cancel", "arrive", "seat", "finish", "no-show", "take-back")
        ),
        staffed.client.get("/api/v1/restaurants/demo/book?date=2027-05-01", headers=header),
        staffed.client.post(
            "/api/v1/restaurants/demo/book/reservations",
            json=staffed.body(),
            headers=header | {"Idempotency-Key": "k"},
        ),
    ]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    mine = staffed.client.get(place, headers=staffed.as_staff()).json
    assert mine["status"] == "confirmed"
    assert mine["note"] == ""


@pytest.mark.both
def test_the_password_is_changed_with_the_old_one_and_ends_the_sign_ins(
    client: Client, make_account: MakeAccount
) -> None:
    make_account("host@example.com")
    other, tokens = sign_in(client, "host@example.com"), sign_in(client, "host@example.com")
    header = {"Authorization": f"Bearer {tokens['access_token']}"}

    def change(**body: str) -> Any:
        return client.post("/api/v1/auth/password", json=body, headers=header)

    new = PASSWORD[::-1]
    for wrong, field in (
        ({"current": "wrong wrong", "password": new}, "current"),
        ({"current": PASSWORD, "password": "too short"}, "password"),
        ({"password": new}, "current"),
    ):
        answer = change(**wrong)
        assert answer.status_code == 422
        assert [each["field"] for each in answer.json["errors"]] == [field]
    assert change(current=PASSWORD, password=new).status_code == 204
    for old in (tokens, other):
        assert me(client, old["access_token"]) == 401
        assert refresh(client, old["refresh_token"])[0] == 401
    body = {"email": "host@example.com", "password": PASSWORD}
    assert client.post("/api/v1/auth/sign-in", json=body).status_code == 401
    assert client.post("/api/v1/auth/sign-in", json=body | {"password": new}).status_code == 200


def test_guessing_the_current_password_has_to_wait(
    client: Client, make_account: MakeAccount, redis: RedisServer
) -> None:
    make_account("host@example.com")
    token = sign_in(client, "host@example.com")["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    wrong = {"current": "wrong wrong", "password": "another long password"}
    codes = [
        client.post("/api/v1/auth/password", json=wrong, headers=header).status_code
        for _ in range(11)
    ]
    assert codes == [422] * 10 + [429]


def test_sign_ins_and_refusals_are_logged_without_the_address(
    staffed: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    wrong = {"email": "host@example.com", "password": "wrong wrong"}
    staffed.client.post("/api/v1/auth/sign-in", json=wrong)
    header = staffed.as_staff("viewer")
    staffed.client.post(
        "/api/v1/restaurants/demo/guests/erase", json={"email": "a@b.de"}, headers=header
    )
    said = [(each.getMessage(), getattr(each, "code", "")) for each in caplog.records]
    assert ("sign-in failed", "") in said and ("signed in", "") in said
    assert ("refused", "sign-in-failed") in said and ("refused", "not-allowed") in said
    assert "host@" not in "".join(str(vars(each)) for each in caplog.records)
