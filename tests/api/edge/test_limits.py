"""Rate limits by address, guest, account and kind of call; with Redis, without it, and hung."""

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from apiflask import APIFlask

from models.core import clock
from models.core.redis import counters
from models.core.settings import settings
from tests.api.conftest import PASSWORD, Answer, Client, Stand
from tests.services.running import surroundings
from tests.services.running.restaurant import OpenRestaurant
from tests.services.servers.redis import RedisServer
from web.app import create_app
from web.http.rate_limits import ASKING, REFRESH, STRICTER, UNCOUNTED, WATCHING

#: windows so long that none ends while a test runs
LOW = {
    "RATE_LIMITS": "on",
    "LIMIT_ADDRESS": "40/100days",
    "LIMIT_REQUEST": "8/100days",
    "LIMIT_CONTACT": "3/100days",
    "LIMIT_MANAGE": "4/100days",
    "LIMIT_ACCOUNT": "5/100days",
    "LIMIT_SIGN_IN": "6/100days",
    "LIMIT_REFRESH": "4/100days",
    "LIMIT_FAILURES": "3/100days",
}
PLACE = "/api/v1/restaurants/demo"

Limited = Callable[..., Stand]


@pytest.fixture
def limited(
    service_env: dict[str, str],
    staffed: Stand,
    monkeypatch: pytest.MonkeyPatch,
) -> Limited:
    """`limited(LIMIT_EXEMPT=...)`: the restaurant with low limits, overridden by those given."""

    def make(**more: str) -> Stand:
        surroundings.settle(monkeypatch, service_env | LOW | more)
        staffed.client = create_app().test_client()
        return staffed

    return make


def asked_by(stand: Stand, address: str = "192.0.2.1", **guest: str) -> Answer:
    """Request a table from that address, for that guest."""
    return stand.client.post(
        f"{PLACE}/reservations",
        json=stand.body(guest={"name": "Ada", **guest}),
        headers={"Idempotency-Key": os.urandom(8).hex()},
        environ_base={"REMOTE_ADDR": address},
    )


def seen_from(stand: Stand, address: str, path: str = PLACE) -> int:
    """Return the status of a GET from that address."""
    with stand.client.get(path, environ_base={"REMOTE_ADDR": address}) as answer:
        return int(answer.status_code)


def test_an_address_is_limited_and_another_is_not(limited: Limited, redis: RedisServer) -> None:
    stand = limited()
    assert {seen_from(stand, "192.0.2.1") for _ in range(40)} == {200}
    answer = stand.client.get(PLACE, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert answer.status_code == 429
    assert answer.mimetype == "application/problem+json"
    assert answer.json["code"] == "too-many-requests"
    span = 100 * 86400
    left = span - int(clock.now().timestamp()) % span
    assert left - 5 <= int(answer.headers["Retry-After"]) <= left + 5
    assert answer.headers["X-Request-ID"] == answer.json["request_id"] != ""
    assert seen_from(stand, "192.0.2.2") == 200


def test_a_window_ends(limited: Limited, redis: RedisServer) -> None:
    stand = limited(LIMIT_ADDRESS="2/1second")
    while sum(seen_from(stand, "192.0.2.1") == 429 for _ in range(4)) == 0:
        pass  # a new one-second window began between them
    time.sleep(1.1)
    assert seen_from(stand, "192.0.2.1") == 200


def test_an_unknown_path_counts_and_monitoring_does_not(
    limited: Limited, redis: RedisServer
) -> None:
    stand = limited(LIMIT_ADDRESS="3/100days")
    assert [seen_from(stand, "192.0.2.1", "/wp-login.php") for _ in range(4)] == [404] * 3 + [429]
    for path in ("/healthz", "/readyz", "/metrics", "/static/maitred.css"):
        assert seen_from(stand, "192.0.2.1", path) != 429, path


def test_monitoring_paths_are_404_from_outside_and_count(
    limited: Limited, redis: RedisServer
) -> None:
    stand = limited(LIMIT_ADDRESS="3/100days")
    outside = {"X-Forwarded-For": "192.0.2.1"}
    asked = [
        stand.client.get(path, headers=outside).status_code
        for path in ("/metrics", "/metrics/", "/readyz", "/metrics")
    ]
    assert asked == [404] * 3 + [429]


def test_one_guest_is_limited_from_wherever_the_requests_come(
    limited: Limited, redis: RedisServer
) -> None:
    stand = limited()
    emails = ["ada@example.com", "ADA@example.com", " ada@example.com", "Ada@Example.com"]
    found = [
        asked_by(stand, f"192.0.2.{number}", email=email) for number, email in enumerate(emails)
    ]
    assert [answer.status_code for answer in found][-1] == 429
    assert 429 not in [answer.status_code for answer in found][:-1]
    assert asked_by(stand, "192.0.2.9", email="bob@example.com").status_code == 202


@pytest.mark.parametrize(
    "spellings",
    [
        ["ada@b\u00fccher-haus.de", "ada+1@xn--bcher-haus-9db.de", "\uff21da@B\u00dcCHER-haus.de"],
        ["ada+1@example.com", "ada+2@example.com", "a\u200bda+3@example.com"],
    ],
)
def test_another_spelling_of_an_address_is_no_other_guest(
    limited: Limited, redis: RedisServer, spellings: list[str]
) -> None:
    stand = limited()
    for number, email in enumerate([*spellings, spellings[0]]):
        answer = asked_by(stand, f"192.0.2.{number}", email=email)
        assert answer.status_code == (429 if number == len(spellings) else 202), email


def test_an_extension_makes_no_other_guest(limited: Limited, redis: RedisServer) -> None:
    stand = limited()
    phones = [f"+49 30 1234567 x{number}" for number in range(4)]
    found = [
        asked_by(stand, f"192.0.2.{number}", phone=phone) for number, phone in enumerate(phones)
    ]
    assert [answer.status_code for answer in found] == [202] * 3 + [429]


def test_a_phone_number_is_the_same_however_it_is_written(
    limited: Limited, redis: RedisServer
) -> None:
    stand = limited()
    phones = ["+49 30 1234567", "+49 (0)30 1234567", "+49 (30) 123-4567", "+49301234567"]
    found = [
        asked_by(stand, f"192.0.2.{number}", phone=phone) for number, phone in enumerate(phones)
    ]
    assert [answer.status_code == 429 for answer in found] == [False] * 3 + [True]


def test_the_booking_page_has_the_same_limits_and_says_so_on_a_page(
    limited: Limited, redis: RedisServer
) -> None:
    stand = limited()
    for number in range(3):
        asked_by(stand, f"192.0.2.{number}", email="ada@example.com")
    form = {"party_size": "2", "start": stand.start(), "name": "Ada", "email": "ada@example.com"}
    answer = stand.client.post("/book/demo", data=form)
    assert answer.status_code == 429
    assert answer.mimetype == "text/html"
    assert "Too many requests" in answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_one_address_cannot_book_an_evening_out(limited: Limited, redis: RedisServer) -> None:
    many = {"LIMIT_REQUEST": "1000/100days"}
    stand = limited(**many, LIMIT_EVENING="3/100days")
    found = [asked_by(stand, email=f"g{number}@example.com") for number in range(5)]
    assert [answer.status_code for answer in found] == [202] * 3 + [429] * 2
    # the same instant with another offset is the same evening
    other = stand.body(guest={"name": "Ada", "email": "x@example.com"})
    other["start"] = datetime.fromisoformat(other["start"]).astimezone(UTC).isoformat()
    assert asked_with(stand, other).status_code == 429
    # another day is counted separately, and so is another address
    other["start"] = stand.start(days=5)
    assert asked_with(stand, other).status_code == 202
    assert asked_by(stand, "192.0.2.2", email="y@example.com").status_code == 202


def test_requests_are_counted_by_the_hour_too(limited: Limited, redis: RedisServer) -> None:
    stand = limited(LIMIT_REQUEST="1000/100days", LIMIT_REQUEST_HOUR="4/200days")
    found = [asked_by(stand, email=f"g{number}@example.com") for number in range(5)]
    assert [answer.status_code for answer in found] == [202] * 4 + [429]


def asked_with(stand: Stand, body: dict[str, Any]) -> Answer:
    return stand.client.post(
        f"{PLACE}/reservations",
        json=body,
        headers={"Idempotency-Key": os.urandom(8).hex()},
        environ_base={"REMOTE_ADDR": "192.0.2.1"},
    )


def test_a_reservation_is_changed_so_often_and_no_more(
    limited: Limited, redis: RedisServer
) -> None:
    stand = limited(LIMIT_MANAGE="1000/100days", LIMIT_CHANGES="3/100days")
    made = asked_by(stand, email="ada@example.com").json
    token = {"Manage-Token": made["manage_url"].rpartition("/")[2]}
    place = f"/api/v1/reservations/{made['id']}"
    for number in range(5):
        answer = stand.client.patch(
            place,
            json={"note": f"{number}"},
            headers=token,
            environ_base={"REMOTE_ADDR": f"192.0.2.{number}"},
        )
        assert answer.status_code == (200 if number < 3 else 429), answer.text
    assert answer.json["code"] == "too-many-changes"
    assert "call the restaurant" in answer.json["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    kept = stand.client.get(place, headers=token).json
    assert kept["note"] == "2"
    # staff are exempt
    changed = stand.client.patch(place, json={"note": "5"}, headers=stand.as_staff())
    assert changed.status_code == 200


def test_a_change_that_is_refused_leaves_the_guest_as_many_as_before(
    limited: Limited, redis: RedisServer
) -> None:
    stand = limited(LIMIT_MANAGE="1000/100days", LIMIT_CHANGES="3/100days")
    made = asked_by(stand, email="ada@example.com").json
    secret = made["manage_url"].rpartition("/")[2]
    token = {"Manage-Token": secret}
    place, page = f"/api/v1/reservations/{made['id']}", f"/manage/{secret}"
    refused: list[Callable[[], Answer]] = [
        lambda: stand.client.patch(place, json={"party_size": 900}, headers=token),
        lambda: stand.client.patch(
            place, json={"note": "x"}, headers={**token, "If-Match": '"99"'}
        ),
        lambda: stand.client.post(f"{page}/details", data={"name": "Ada", "email": "ada@"}),
        lambda: stand.client.post(f"{page}/details", data={"name": "Ada", "phone": "110"}),
        lambda: stand.client.post(f"{page}/change", data={"party_size": "900"}),
    ]
    assert [ask().status_code for ask in refused] == [422, 412, 422, 422, 422]
    for number in range(4):
        answer = stand.client.patch(place, json={"note": f"{number}"}, headers=token)
        assert answer.status_code == (200 if number < 3 else 429), answer.text


def test_a_contact_named_in_an_edit_counts_as_one_asked_for(
    limited: Limited, redis: RedisServer
) -> None:
    stand = limited(LIMIT_MANAGE="1000/100days")
    for number in range(4):
        made = asked_by(stand, f"192.0.2.{number}", email=f"own{number}@example.com").json
        answer = stand.client.patch(
            f"/api/v1/reservations/{made['id']}",
            json={"guest": {"email": f"victim+{number}@example.com"}},
            headers={"Manage-Token": made["manage_url"].rpartition("/")[2]},
            environ_base={"REMOTE_ADDR": f"192.0.2.{number}"},
        )
        assert answer.status_code == (200 if number < 3 else 429), answer.text


def test_refused_requests_do_not_use_up_what_a_contact_may_ask(
    limited: Limited, redis: RedisServer
) -> None:
    stand = limited(LIMIT_REQUEST="1000/100days", LIMIT_MANAGE="1000/100days")
    made = asked_by(stand, email="own@example.com").json
    edit, token = f"/api/v1/reservations/{made['id']}", made["manage_url"].rpartition("/")[2]
    victim = {"name": "V", "email": "victim@example.com"}
    refused: list[Callable[[], Answer]] = [
        lambda: stand.client.post(
            f"{PLACE}/reservations",
            json={"guest": victim, "party_size": 0},
            headers={"Idempotency-Key": os.urandom(8).hex()},
        ),
        lambda: stand.client.post("/book/demo", data={**victim, "party_size": "900"}),
        lambda: stand.client.patch(
            edit, json={"guest": victim, "party_size": 900}, headers={"Manage-Token": token}
        ),
        lambda: stand.client.patch(
            edit, json={"guest": victim}, headers={"Manage-Token": "of nobody"}
        ),
    ]
    for ask in refused:
        assert {ask().status_code for _ in range(5)} <= {401, 403, 404, 422}
    found = [asked_by(stand, email=victim["email"]).status_code for _ in range(4)]
    assert found == [202] * 3 + [429]


def test_bodies_that_are_wrong_count_too(limited: Limited, redis: RedisServer) -> None:
    stand = limited()
    bodies = ["", "[", "[]", '{"guest": 3}', '{"guest": {"email": 3, "phone": []}}', "{}", "1", "x"]
    place = f"{PLACE}/reservations"
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    found = [
        stand.client.post(place, data=body, headers=headers).status_code for body in [*bodies, "{}"]
    ]
    assert set(found[:-1]) <= {400, 422}
    assert found[-1] == 429


def test_sign_ins_and_refreshes_are_limited_by_address(
    limited: Limited, redis: RedisServer
) -> None:
    stand = limited()
    right = {"email": "host@example.com", "password": PASSWORD}

    def tried(path: str, body: dict[str, str], address: str) -> int:
        answer = stand.client.post(
            f"/api/v1/auth/{path}", json=body, environ_base={"REMOTE_ADDR": address}
        )
        return int(answer.status_code)

    assert [tried("sign-in", right, "192.0.2.1") for _ in range(7)] == [200] * 6 + [429]
    assert tried("sign-in", right, "192.0.2.2") == 200
    forged = {"refresh_token": "x" * 40}
    assert [tried("refresh", forged, "192.0.2.3") for _ in range(9)] == [401] * 9
    good = stand.client.post(
        "/api/v1/auth/sign-in", json=right, environ_base={"REMOTE_ADDR": "192.0.2.4"}
    ).json
    used = []
    for _ in range(5):
        body = {"refresh_token": good["refresh_token"]}
        answer = stand.client.post(
            "/api/v1/auth/refresh", json=body, environ_base={"REMOTE_ADDR": "192.0.2.3"}
        )
        used.append(answer.status_code)
        good = answer.json
    assert used == [200] * 4 + [429]


def test_manage_links_are_limited_by_address(limited: Limited, redis: RedisServer) -> None:
    stand = limited()
    assert [seen_from(stand, "192.0.2.1", "/manage/forged.token") for _ in range(5)] == (
        [404] * 4 + [429]
    )
    place = "/api/v1/reservations/1"

    def by_token() -> int:
        return int(stand.client.get(place, headers={"Manage-Token": "forged"}).status_code)

    assert [by_token() for _ in range(5)] == [401] * 4 + [429]


def test_an_account_is_limited_over_all_addresses(limited: Limited, redis: RedisServer) -> None:
    stand = limited()
    host, owner = stand.as_staff("host"), stand.as_staff("owner")

    def me(header: dict[str, str], number: int) -> int:
        address = {"REMOTE_ADDR": f"192.0.2.{number}"}
        return int(
            stand.client.get("/api/v1/auth/me", headers=header, environ_base=address).status_code
        )

    assert [me(host, number) for number in range(6)] == [200] * 5 + [429]
    assert me(owner, 1) == 200


def test_an_exempt_network_and_an_ipv6_network(limited: Limited, redis: RedisServer) -> None:
    stand = limited(LIMIT_EXEMPT="10.0.0.0/8, 2001:db8:1::/48", LIMIT_ADDRESS="2/100days")
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "2001:db8:1:2::3"):
        assert {seen_from(stand, address) for _ in range(4)} == {200}, address
    # one host usually controls a whole /64
    found = [seen_from(stand, f"2001:db8:2:2::{number}") for number in range(1, 4)]
    assert found == [200, 200, 429]
    assert seen_from(stand, "2001:db8:2:3::1") == 200


@pytest.mark.parametrize("rates", ["on", "off"])
def test_without_redis_each_process_counts_by_itself(limited: Limited, rates: str) -> None:
    stand = limited(LIMIT_ADDRESS="4/100days", RATE_LIMITS=rates)
    begun = time.monotonic()
    found = [seen_from(stand, "192.0.2.1") for _ in range(6)]
    assert found == [200] * 4 + [429 if rates == "on" else 200] * 2
    assert time.monotonic() - begun < 2
    wrong = {"email": "host@example.com", "password": "wrong wrong"}
    place = "/api/v1/auth/sign-in"
    tried = [
        stand.client.post(place, json=wrong, environ_base={"REMOTE_ADDR": "192.0.2.5"})
        for _ in range(4)
    ]
    # wrong passwords are counted even when RATE_LIMITS is off
    assert [answer.status_code for answer in tried] == [401] * 3 + [429]
    assert tried[-1].json["code"] == "too-many-sign-ins"


def test_a_hung_redis_holds_nobody_up_for_long(limited: Limited, redis: RedisServer) -> None:
    stand = limited()
    assert asked_by(stand, email="a@example.com").status_code == 202
    os.kill(redis._process.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        wait = counters.count([counters.Tally(counters.rate("9/day"), "address", "x")])
        first = time.monotonic() - begun
        begun = time.monotonic()
        for _ in range(50):
            counters.count([counters.Tally(counters.rate("90/day"), "address", "x")])
        rest = time.monotonic() - begun
    finally:
        os.kill(redis._process.pid, signal.SIGCONT)
    assert wait == 0
    assert first < counters.ANSWER_SECONDS + 0.25
    assert rest < counters.ANSWER_SECONDS + 0.25


def test_redis_hears_neither_guest_nor_address_and_keeps_nothing_for_ever(
    limited: Limited, redis: RedisServer
) -> None:
    stand = limited()
    asked_by(stand, "192.0.2.77", email="ada@example.com", phone="+49 30 1234567")
    stand.client.post("/api/v1/auth/sign-in", json={"email": "eve@example.com", "password": "x"})
    with redis.client() as client:
        names: list[bytes] = list(client.scan_iter())
        mine = [name for name in names if name.startswith(b"tally:")]
        assert len(mine) >= 6
        for name in names:
            for secret in (b"192.0.2", b"ada", b"eve", b"1234567", b"example"):
                assert secret not in name
        for name in mine:
            assert 0 < int(client.ttl(name)) <= 100 * 86400


def test_a_request_costs_one_round_trip(
    limited: Limited, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = limited()
    asked_by(stand, email="x@example.com")
    calls: list[Any] = []
    send = counters._in_redis

    def noted(names: Any, *rest: Any) -> Any:
        calls.append(names)
        return send(names, *rest)

    monkeypatch.setattr(counters, "_in_redis", noted)
    with redis.client() as client:
        before = client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)
        asked_by(stand, email="ada@example.com", phone="+49 30 1234567")
        after = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert after - before == 1
    assert [len(names) for names in calls] == [6]


def test_the_endpoints_with_limits_of_their_own_exist(app: APIFlask) -> None:
    named = UNCOUNTED | WATCHING | ASKING | {REFRESH} | set(STRICTER)
    assert named <= set(app.view_functions)
    assert all(hasattr(settings(), name) for _kind, name in STRICTER.values())


def test_the_document_says_429_everywhere(app: APIFlask) -> None:
    spec: Any = app.spec
    for path, operations in spec["paths"].items():
        for name, operation in operations.items():
            assert "429" in operation["responses"], f"{name} {path}"


def test_this_processs_own_tallies_are_bounded() -> None:
    here = counters._Here()
    for number in range(counters._KEPT + 10):
        here.count([f"tally:{number}"], [60], 0, 1)
    assert here.count(["tally:1"], [60], 0, 1) == [1]
    assert len(here._found) <= counters._KEPT + 1


def test_the_restaurant_fixture_is_not_limited(
    restaurant: Callable[..., OpenRestaurant], client: Client
) -> None:
    restaurant()
    assert settings().rate_limits == "off"
    assert {client.get(PLACE).status_code for _ in range(700)} == {200}


def test_joining_the_list_at_the_door_counts_like_a_request_by_contact_and_address(
    limited: Limited, redis: RedisServer
) -> None:
    stand = limited()

    def join(address: str, path: str, **sent: Any) -> int:
        answer = stand.client.post(
            path,
            headers={"Idempotency-Key": os.urandom(8).hex()},
            environ_base={"REMOTE_ADDR": address},
            **sent,
        )
        return int(answer.status_code)

    # no contact is charged for a join that is refused: guests may not join here by themselves
    asked = {"party_size": 2, "guest": {"name": "Ada", "phone": "+4930123456"}}
    statuses = [join("192.0.2.1", f"{PLACE}/door/join", json=asked) for _ in range(9)]
    assert statuses == [409] * 8 + [429]
    form = {"party_size": "2", "name": "Ada", "phone": "+4930123456"}
    assert [join("192.0.2.2", "/door/demo", data=form) for _ in range(9)] == [409] * 8 + [429]
