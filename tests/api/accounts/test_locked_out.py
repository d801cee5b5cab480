"""A guest on the restaurant's Wi-Fi shares the host stand's address, but cannot lock it out."""

import threading
from typing import Any

import pytest
from apiflask import APIFlask

from models.core.redis import counters
from models.core.redis.counters import nameless
from tests.api.conftest import PASSWORD, Answer, Stand
from tests.services.running import surroundings
from tests.services.servers.redis import RedisServer
from web.app import create_app
from web.http.callers import network_of
from web.http.devices import device_of, device_token

WIFI = "192.0.2.1"
AUTH = "/api/v1/auth"
HOST = "host@example.com"
#: windows so long that none ends while a test runs; limits low enough to be used up soon
LOW = {
    "RATE_LIMITS": "on",
    "LIMIT_ADDRESS": "30/100days",
    "LIMIT_ACCOUNT": "200/100days",
    "LIMIT_SIGN_IN": "12/100days",
    "LIMIT_REFRESH": "6/100days",
    "LIMIT_FAILURES": "5/100days",
}


@pytest.fixture
def place(
    service_env: dict[str, str], staffed: Stand, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Stand:
    surroundings.settle(monkeypatch, service_env | LOW)
    staffed.client = create_app().test_client()
    return staffed


def post(stand: Stand, path: str, body: dict[str, Any], address: str = WIFI, **headers: str) -> Any:
    return stand.client.post(
        AUTH + path, json=body, headers=headers, environ_base={"REMOTE_ADDR": address}
    )


def signs_in(stand: Stand, address: str = WIFI, **more: Any) -> Answer:
    return post(stand, "/sign-in", {"email": HOST, "password": PASSWORD, **more}, address)


def guess(stand: Stand, address: str = WIFI, **more: Any) -> int:
    wrong = {"email": HOST, "password": "wrong wrong", **more}
    return int(post(stand, "/sign-in", wrong, address).status_code)


def test_a_guest_on_the_same_address_does_not_lock_the_stand_out(place: Stand) -> None:
    first = signs_in(place).json
    device, access = first["device_token"], {"Authorization": f"Bearer {first['access_token']}"}
    guesses = [guess(place) for _ in range(20)]
    assert guesses.count(401) <= 5
    for _ in range(40):  # and other calls from that address
        post(place, "/refresh", {"refresh_token": "junk"})
        post(place, "/sign-in", {"email": HOST, "password": "x", "device_token": "junk"})
    assert signs_in(place).status_code == 429
    again = signs_in(place, device_token=device)
    assert again.status_code == 200
    assert again.json["device_token"] == device
    here = {"REMOTE_ADDR": WIFI}
    assert place.client.get(AUTH + "/me", headers=access, environ_base=here).status_code == 200
    fresh = post(place, "/refresh", {"refresh_token": first["refresh_token"]})
    assert fresh.status_code == 200


def test_a_known_device_has_no_more_guesses_than_others(place: Stand) -> None:
    device = signs_in(place).json["device_token"]
    guesses = [guess(place, f"198.51.100.{n}", device_token=device) for n in range(9)]
    assert guesses == [401] * 5 + [429] * 4
    assert signs_in(place, "198.51.100.99").status_code == 200


def test_a_device_is_known_to_its_own_account_alone(place: Stand) -> None:
    device = signs_in(place).json["device_token"]
    assert device_of(HOST.upper(), device)
    assert device_token(HOST, device) == device
    name, signature = device.split(".")
    for email, given in (
        ("owner@example.com", device),
        (HOST, f"{name[::-1]}.{signature}"),
        (HOST, f"{name}.{signature[::-1]}"),
        (HOST, name),
        (HOST, "."),
        (HOST, ""),
        (HOST, 5),
        (HOST, "\u0661.\u0661"),
        (HOST, "x" * 5000),
    ):
        assert device_of(email, given) is None
        assert device_token(email, str(given)) != given


def test_sixty_guesses_at_once_are_no_more_than_the_limit(
    place: Stand, service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"LIMIT_SIGN_IN": "900/100days", "LIMIT_ADDRESS": "900/100days", "HASHES_MAX": "64"}
    # a slow Redis would be bypassed for a moment, which is not tested here
    monkeypatch.setattr(counters, "ANSWER_SECONDS", 60.0)
    surroundings.settle(monkeypatch, service_env | LOW | more)
    app: APIFlask = create_app()
    gate, statuses = threading.Barrier(60), []
    body = {"email": HOST, "password": "wrong wrong"}

    def run() -> None:
        client = app.test_client()
        gate.wait()
        statuses.append(client.post(AUTH + "/sign-in", json=body).status_code)

    threads = [threading.Thread(target=run) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [401] * 5 + [429] * 55


def test_right_passwords_use_no_guess_up(place: Stand) -> None:
    for _ in range(4):
        assert guess(place) == 401
        begun = {"email": HOST, "password": PASSWORD}
        assert (
            post(place, "/second-factor", begun).status_code == 200
        )  # neither counts nor resets failures
    assert [guess(place), guess(place)] == [401, 429]


@pytest.mark.parametrize("step", ["sign-in", "page"])
def test_one_ipv6_network_has_the_guesses_of_one_address(place: Stand, step: str) -> None:
    def ask(number: int) -> int:
        address = f"2001:db8:7:7::{number:x}"
        if step == "sign-in":
            return guess(place, address)
        return int(
            place.client.get(
                "/status/operators",
                auth=("operator", "wrong"),
                environ_base={"REMOTE_ADDR": address},
            ).status_code
        )

    assert [ask(number) for number in range(1, 8)] == [401] * 5 + [429] * 2
    assert ask(0x1_0000_0000_0000) in (401, 429)


def test_networks_are_told_apart_by_64_bits() -> None:
    same = {"2001:db8:7:7::1", "2001:db8:7:7:ffff::2", "2001:DB8:7:7:1:2:3:4"}
    assert len({network_of(each) for each in same}) == 1
    others = {"2001:db8:7:8::1", "192.0.2.1", "192.0.2.2", "nowhere"}
    assert len({network_of(each) for each in others | same}) == 5
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1")
    assert nameless(network_of("192.0.2.1"))


def test_the_token_of_a_sign_in_that_has_ended_is_counted_too(place: Stand) -> None:
    header = {"Authorization": f"Bearer {signs_in(place).json['access_token']}"}
    place.client.post(AUTH + "/sign-out", headers=header)
    statuses = [place.client.get(AUTH + "/me", headers=header).status_code for _ in range(210)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
