"""Signing in with a browser: the cookie, forged requests, the second factor, signing out."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from apiflask import APIFlask

from models.core import clock
from models.core.settings import settings
from tests.api.conftest import PASSWORD, Answer, Client, Stand
from tests.services.running import surroundings
from web.http.browser_session import page_token

OWN = {"Origin": "http://localhost"}
SIGN_IN = "/stand/demo/sign-in"
COOKIE = "maitred_stand"


def enter(client: Client, role: str = "host", **form: str) -> Answer:
    body = {"email": f"{role}@example.com", "password": PASSWORD} | form
    return client.post(SIGN_IN, data=body, headers=OWN)


def token_of(app: APIFlask, client: Client) -> str:
    """The token of the pages of the session that this client has."""
    value = client.get_cookie(COOKIE).value
    with app.test_request_context(headers={"Cookie": f"{COOKIE}={value}"}):
        return page_token()


def test_the_stand_asks_for_a_sign_in_and_returns_to_the_page(staffed: Stand) -> None:
    client = staffed.client
    asked = client.get("/stand/demo?date=2027-01-02")
    assert asked.status_code == 303
    form = client.get(asked.headers["Location"])
    assert 'value="/stand/demo?date=2027-01-02"' in form.text
    answer = enter(client, next="/stand/demo?date=2027-01-02")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/stand/demo?date=2027-01-02")
    assert client.get("/stand/demo?date=2027-01-02").status_code == 200


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example", "/stand/../x\\y", "/book/demo", "x" * 400]
)
def test_signing_in_leads_nowhere_else(staffed: Stand, place: str) -> None:
    assert enter(staffed.client, next=place).headers["Location"] == "/stand/demo"


@pytest.mark.parametrize(("keep", "days"), [("yes", 14), ("", None)])
def test_no_script_and_no_other_site_gets_the_cookie(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch, keep: str, days: int | None
) -> None:
    cookies = enter(staffed.client, keep=keep).headers.getlist("Set-Cookie")
    session = next(text for text in cookies if text.startswith(COOKIE))
    assert "HttpOnly" in session and "SameSite=Strict" in session
    assert (f"Max-Age={(days or 0) * 86_400}" in session) == (days is not None)
    assert any("device" in text for text in cookies) == (keep == "yes")
    monkeypatch.setattr(settings(), "public_url", "https://maitred.example")
    over_https = enter(staffed.client).headers.getlist("Set-Cookie")[0]
    assert over_https.startswith("__Host-") and "Secure" in over_https and "Path=/" in over_https


def test_a_wrong_password_opens_nothing(staffed: Stand) -> None:
    answer = enter(staffed.client, password="not this one, but long")
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "Set-Cookie" not in answer.headers
    assert "not this one" not in answer.text


def test_wrong_passwords_are_counted_as_everywhere(staffed: Stand) -> None:
    answers = [enter(staffed.client, password=f"wrong {n} and long") for n in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
    ],
)
def test_no_other_site_signs_a_browser_in(
    staffed: Stand, headers: dict[str, str], status: int
) -> None:
    body = {"email": "host@example.com", "password": PASSWORD}
    assert staffed.client.post(SIGN_IN, data=body, headers=headers).status_code == status


def test_the_cookie_opens_the_api_only_for_our_own_pages(app: APIFlask, staffed: Stand) -> None:
    client, made = staffed.client, staffed.confirmed()
    enter(client)
    token, path = token_of(app, client), f"/api/v1/reservations/{made['id']}/cancel"
    other = "https://evil.example"
    for headers in (
        {},
        {"Page-Token": token},
        OWN,
        OWN | {"Page-Token": "x"},
        {"Origin": other, "Page-Token": token},
        OWN | {"Page-Token": token, "Sec-Fetch-Site": "same-site"},
    ):
        assert client.post(path, json={}, headers=headers).status_code == 403, headers
    right = OWN | {"Page-Token": token}
    assert client.post(path, json={}, headers=right).json["status"] == "cancelled"
    book = f"/api/v1/restaurants/demo/book?date={staffed.start()[:10]}"
    assert client.get(book).status_code == 200
    assert client.get(book, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_an_access_token_needs_no_page_and_counts_before_the_cookie(staffed: Stand) -> None:
    header = staffed.as_staff("viewer")
    enter(staffed.client, "manager")
    me = staffed.client.get("/api/v1/auth/me", headers=header).json
    assert me["email"] == "viewer@example.com"
    assert staffed.client.get("/api/v1/auth/me").json["email"] == "manager@example.com"


def test_a_cookie_is_no_access_token_and_a_forged_one_is_refused(staffed: Stand) -> None:
    client = staffed.client
    enter(client)
    value = client.get_cookie(COOKIE).value
    as_token = {"Authorization": f"Bearer {value}"}
    assert client.get("/api/v1/auth/me", headers=as_token).status_code == 401
    account, sign_in, began, signature = value.split(".")
    for forged in (f"{int(account) + 1}.{sign_in}.{began}.{signature}", "", "x", value[:-1] + "é"):
        client.set_cookie(COOKIE, forged)
        assert client.get("/api/v1/auth/me").status_code == 401, forged


def test_signing_out_ends_the_sign_in_itself(app: APIFlask, staffed: Stand) -> None:
    client = staffed.client
    enter(client)
    value, token = client.get_cookie(COOKIE).value, token_of(app, client)
    assert client.post("/stand/demo/sign-out", headers=OWN).status_code == 403
    answer = client.post("/stand/demo/sign-out", data={"page_token": token}, headers=OWN)
    assert answer.status_code == 303
    client.set_cookie(COOKIE, value)  # a copy of it
    assert client.get("/api/v1/auth/me").status_code == 401


def test_another_restaurant_is_not_found(
    staffed: Stand, restaurant: Callable[..., Any], make_account: Callable[..., int]
) -> None:
    other = restaurant(slug="other")
    enter(staffed.client)
    assert staffed.client.get(f"/stand/{other.slug}").status_code == 404


def with_factor(client: Client) -> pyotp.TOTP:
    proof = {"email": "host@example.com", "password": PASSWORD}
    app = pyotp.TOTP(client.post("/api/v1/auth/second-factor", json=proof).json["secret"])
    before = clock.now() - timedelta(seconds=30)
    code = proof | {"code": app.at(before)}
    assert client.post("/api/v1/auth/second-factor/confirm", json=code).status_code == 200
    return app


def test_the_code_comes_after_the_password(staffed: Stand) -> None:
    client = staffed.client
    code = with_factor(client).at(clock.now())
    form = enter(client)
    assert form.status_code == 200 and "Set-Cookie" not in form.headers
    assert PASSWORD not in form.text
    proof = form.text.partition('name="proof" value="')[2].partition('"')[0]
    sent = {"email": "host@example.com", "proof": proof}
    for wrong in (
        {"code": "000000"},
        {"code": code, "proof": "9999999999.x"},
        {"code": code, "email": "manager@example.com"},
    ):
        assert client.post(SIGN_IN, data=sent | wrong, headers=OWN).status_code == 401
    assert client.post(SIGN_IN, data=sent | {"code": code}, headers=OWN).status_code == 303
    assert client.get("/stand/demo").status_code == 200


def test_the_proof_of_the_password_is_short_lived(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = with_factor(staffed.client).at(clock.now())
    proof = enter(staffed.client).text.partition('name="proof" value="')[2].partition('"')[0]
    later = clock.now() + timedelta(minutes=6)
    sent = {"email": "host@example.com", "proof": proof, "code": code}
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        assert staffed.client.post(SIGN_IN, data=sent, headers=OWN).status_code == 401


def test_a_required_factor_is_required_in_a_browser_too(
    staffed: Stand, service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    surroundings.settle(monkeypatch, service_env | {"SECOND_FACTOR": "required"})
    assert enter(staffed.client).status_code == 401


def test_language_and_theme_are_remembered(staffed: Stand) -> None:
    client = staffed.client
    chosen = {"language": "it", "theme": "dark", "next": SIGN_IN}
    assert client.post("/stand/demo/choices", data=chosen).status_code == 403
    assert client.post("/stand/demo/choices", data=chosen, headers=OWN).status_code == 303
    page = client.get(SIGN_IN).text
    assert '<html lang="it" data-theme="dark">' in page and "Accedi" in page
