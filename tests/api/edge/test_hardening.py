"""Browser hardening: scripts, frames, cookies, origins, redirects, reflected input."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from apiflask import APIFlask

from models.core.settings import settings
from tests.api.conftest import Answer, Client, Stand

SCRIPT = "<script>alert(1)</script>"
EVIL = "evil.example"
#: valid values for the arguments of every URL rule
ARGUMENTS = {
    "slug": "demo",
    "name": "swagger-ui.css",
    "filename": "maitred.css",
    "token": "",
    "version": 1,
    "guest_id": 1,
}


def every_get(app: APIFlask, stand: Stand) -> Iterator[tuple[str, Answer]]:
    """Yield the answer of every GET URL, as a guest and without a sign-in."""
    body = stand.confirmed()
    known: dict[str, Any] = ARGUMENTS | {
        "token": body["manage_token"],
        "reservation_id": int(body["id"]),
    }
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            path = adapter.build(rule.endpoint, {name: known[name] for name in rule.arguments})
            with stand.client.get(path) as answer:
                answer.get_data()
                yield path, answer
    for path in ("/nowhere", "/book/nowhere", "/manage/forged", "/api/v1/restaurants/nowhere"):
        yield path, stand.client.get(path)


def policy_of(answer: Answer) -> dict[str, list[str]]:
    """Return the Content-Security-Policy by directive."""
    parts = answer.headers["Content-Security-Policy"].split(";")
    return {words[0]: words[1:] for words in (part.split() for part in parts) if words}


def test_every_answer_has_a_policy_without_a_hole(app: APIFlask, stand: Stand) -> None:
    seen = []
    for path, answer in every_get(app, stand):
        policy = policy_of(answer)
        assert policy["default-src"] == ["'none'"], path
        assert policy["frame-ancestors"] == ["'none'"], path
        allowed = {word for words in policy.values() for word in words}
        assert allowed <= {"'none'", "'self'", "data:"}, path
        assert "data:" not in policy.get("script-src", []), path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        if answer.mimetype == "text/html":
            seen.append(path)
            assert policy["base-uri"] == ["'none'"], path
            assert answer.headers["X-Frame-Options"] == "DENY", path
            assert answer.headers["Referrer-Policy"] in ("same-origin", "no-referrer"), path
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin", path
            # nothing that the policy would have to allow
            assert not re.search(r"<script(?![^>]* src=)|<style| style=|\son\w+=", answer.text), (
                path
            )
    assert len(seen) >= 8


def test_no_cookie_and_no_other_origin_for_any_caller(app: APIFlask, staffed: Stand) -> None:
    staffed.as_staff()
    for path, answer in every_get(app, staffed):
        assert "Set-Cookie" not in answer.headers, path
    right = {"email": "host@example.com", "password": "a long enough password"}
    headers = {"Origin": f"https://{EVIL}"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"}
    for answer in (
        staffed.client.post("/api/v1/auth/sign-in", json=right, headers=headers),
        staffed.client.get("/api/v1/restaurants/demo", headers=headers),
        staffed.client.options("/api/v1/auth/sign-in", headers=headers | asked),
        staffed.client.options("/api/v1/restaurants/demo/reservations", headers=headers | asked),
    ):
        assert "Set-Cookie" not in answer.headers
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


def test_what_was_sent_never_comes_back_as_markup(stand: Stand) -> None:
    client, place = stand.client, "/api/v1/restaurants/demo"
    manage = f"/manage/{stand.confirmed()['manage_token']}"
    form = {"name": SCRIPT, "email": SCRIPT, "phone": SCRIPT, "note": SCRIPT, "start": SCRIPT}
    start = {"start": stand.start(), "party_size": "2"}
    key = {"Idempotency-Key": "k"}
    answers = [
        client.get(f"/{SCRIPT}"),
        client.get(f"/book/{SCRIPT}"),
        client.get(f"/manage/{SCRIPT}"),
        client.get("/book/demo", query_string={"date": SCRIPT, "party_size": SCRIPT, SCRIPT: "x"}),
        client.get("/book/demo", query_string={"area": SCRIPT, **start}),
        client.post("/book/demo", data=form | {"area": SCRIPT, "key": SCRIPT}),
        client.post("/book/demo", data=form | start),
        client.post(f"{manage}/details", data=form),
        client.post(f"{manage}/change", data={"date": SCRIPT, "start": SCRIPT, "area": SCRIPT}),
        client.get(f"{place}/availability", query_string={"date": SCRIPT, SCRIPT: "x"}),
        client.post(f"{place}/reservations", json={SCRIPT: SCRIPT}, headers=key),
        client.post(f"{place}/reservations", data=SCRIPT, content_type="text/html", headers=key),
        client.post(f"{place}/reservations", data=SCRIPT, content_type="application/json"),
        client.get(place, headers={"If-None-Match": SCRIPT, "X-Request-ID": SCRIPT}),
        client.get(f"/docs/assets/{SCRIPT}"),
        client.delete(f"/{SCRIPT}"),
    ]
    for answer in answers:
        said = f"{answer.request.method} {answer.request.path}: {answer.text[:300]}"
        if answer.mimetype == "text/html":
            assert "<script" not in answer.text, said
        else:
            assert answer.mimetype in ("application/problem+json", "application/json", "text/css")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not [value for _, value in answer.headers if "<script" in value], said
    assert sum(answer.mimetype == "text/html" for answer in answers) >= 6


@pytest.mark.parametrize(
    "path",
    [
        f"//{EVIL}",
        f"//{EVIL}/..",
        f"/\\{EVIL}",
        "/book//demo",
        "//book/demo",
        "/book/demo/",
        "/api//v1/restaurants/demo",
        f"/book/demo?next=//{EVIL}&return=https://{EVIL}",
        f"/%0d%0aLocation:%20https://{EVIL}",
    ],
)
def test_no_address_leads_elsewhere(client: Client, stand: Stand, path: str) -> None:
    # the Host header is controlled by the caller
    answer = client.get(path, headers={"Host": EVIL})
    assert EVIL not in answer.headers.get("Location", "")
    if answer.mimetype == "text/html":
        assert f"://{EVIL}" not in answer.text
        assert f'"//{EVIL}' not in answer.text


def test_forms_lead_on_within_the_restaurant_whatever_the_host_header_says(stand: Stand) -> None:
    manage = f"/manage/{stand.confirmed()['manage_token']}"
    form = {"party_size": "2", "start": stand.start(), "name": "Bob", "email": "b@example.com"}
    headers = {"Host": EVIL, "X-Forwarded-Host": EVIL, "Referer": f"https://{EVIL}"}
    for path, data in (("/book/demo", form), (f"{manage}/details", form), (f"{manage}/cancel", {})):
        answer = stand.client.post(path, data=data, headers=headers)
        assert answer.status_code == 303, path
        assert answer.headers["Location"].startswith("/manage/"), path


def test_links_are_made_of_the_settings_and_not_of_the_request(stand: Stand) -> None:
    headers = {"Host": EVIL, "X-Forwarded-Host": EVIL, "Idempotency-Key": "k"}
    place = "/api/v1/restaurants/demo/reservations"
    answer = stand.client.post(place, json=stand.body(), headers=headers)
    assert answer.status_code == 202
    assert answer.json["manage_url"].startswith(f"{settings().public_url}/manage/")
    assert EVIL not in answer.text


@pytest.mark.parametrize("bad", ["Zoë\r\nBcc: all@example.com", "Zoë\nX: y", "a\0b", "a\u2028b"])
def test_no_line_break_comes_in_that_could_become_a_mails_header(stand: Stand, bad: str) -> None:
    for guest in (
        {"name": bad, "email": "ada@example.com"},
        {"name": "Ada", "email": f"ada@example.com{bad}"},
        {"name": "Ada", "email": f"{bad}@example.com"},
    ):
        assert stand.ask(guest=guest).status_code == 422, guest
