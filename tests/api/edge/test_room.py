"""A full room: requests that wait, that are refused, and that are answered regardless."""

import threading
from collections.abc import Iterator

import pytest
from flask import request

from models.core.settings import settings
from tests.api.conftest import Client, Stand
from tests.services.running.process import wait_until
from web.app import create_app
from web.http import reserved_threads
from web.http.reserved_threads import RESERVED, STALLED_SECONDS, RequestSlots, slots_for


class Hands:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    made = Hands()
    monkeypatch.setattr(reserved_threads, "monotonic", made)
    return made


def test_a_burst_after_a_quiet_time_waits_and_is_not_refused(hands: Hands) -> None:
    tried, place = RequestSlots(lambda: 1), threading.Event()
    assert tried.enter()
    tried.leave()
    hands.now += 100 * STALLED_SECONDS
    assert tried.enter()

    def enter() -> None:
        if tried.enter():
            place.set()

    second = threading.Thread(target=enter)
    second.start()
    wait_until(lambda: bool(tried._free._waiters), seconds=5, what="waits")  # type: ignore[attr-defined]
    assert not place.is_set()
    tried.leave()
    second.join(5)
    assert place.is_set()


def test_where_nobody_is_done_the_next_is_told_at_once(hands: Hands) -> None:
    tried = RequestSlots(lambda: 1)
    assert tried.enter()
    hands.now += STALLED_SECONDS
    assert not tried.enter()
    tried.leave()
    assert tried.enter()


def test_only_streams_that_are_open_keep_threads_from_others() -> None:
    assert slots_for(32, 0) == 32 - RESERVED
    assert slots_for(32, 8) == 32 - RESERVED - 8
    assert slots_for(1, 8) == 1


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """RequestSlots for one guest request."""
    monkeypatch.setenv("WEB_THREADS", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_monitoring_is_answered_while_guests_are_refused(stand: Stand, narrow: None) -> None:
    app, guests = create_app(), f"/api/v1/restaurants/{stand.restaurant.slug}"
    inside, end = threading.Event(), threading.Event()

    @app.before_request
    def stay() -> None:
        if request.path == guests:
            inside.set()
            end.wait(30)

    first = threading.Thread(target=lambda: app.test_client().get(guests))
    first.start()
    assert inside.wait(5)
    client: Client = app.test_client()
    asked = {path: client.get(path) for path in ("/healthz", "/metrics", "/readyz")}
    refused = client.get(guests)
    end.set()
    first.join(30)
    assert asked["/healthz"].status_code == asked["/metrics"].status_code == 200
    assert asked["/readyz"].json["database"] == "up"
    assert (refused.status_code, refused.json["code"]) == (503, "unavailable")
    assert client.get(guests).status_code == 200
