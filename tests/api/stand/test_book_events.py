"""Book events: each change is sent once, also after a reconnect."""

import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import orjson
import pytest
from apiflask import APIFlask

from models.core.redis import signals
from models.core.settings import settings
from tests.api.conftest import Answer, Stand
from tests.architecture.tree import ROOT
from tests.services.ports import free_port, is_listening
from tests.services.running.process import Process, wait_until
from tests.services.servers.redis import RedisServer
from web.api.stand import book_events

pytestmark = pytest.mark.both


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two-second streams with fast polling. No place is taken by another test's stream."""
    monkeypatch.setenv("STREAM_SECONDS", "2")
    monkeypatch.setenv("STREAMS_MAX", "2")
    monkeypatch.setattr(book_events, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(book_events, "POLL_SECONDS_ALONE", 0.02)
    settings.cache_clear()
    book_events._slots.cache_clear()
    yield
    settings.cache_clear()
    book_events._slots.cache_clear()


def opened(stand: Stand, last: int | None = None, **query: Any) -> Answer:
    headers = stand.as_staff() | ({} if last is None else {"Last-Event-ID": str(last)})
    return stand.client.get(
        f"/api/v1/restaurants/{stand.restaurant.slug}/book/events",
        query_string={"date": stand.start()[:10]} | query,
        headers=headers,
    )


def book(stand: Stand) -> dict[str, Any]:
    path = f"/api/v1/restaurants/{stand.restaurant.slug}/book"
    answer = stand.client.get(
        path, query_string={"date": stand.start()[:10]}, headers=stand.as_staff()
    )
    return dict(answer.json)


def events(answer: Answer) -> Iterator[dict[str, Any]]:
    """Yield the events. Comments and the initial `retry` are left out."""
    for piece in answer.iter_encoded():
        fields = dict(line.split(b": ", 1) for line in piece.splitlines() if line)
        if fields.get(b"event") == b"book":
            yield orjson.loads(fields[b"data"]) | {"id": int(fields[b"id"])}


def test_each_change_is_told_while_the_stream_lasts(redis: RedisServer, staffed: Stand) -> None:
    _each_change_is_told(staffed)


def test_without_redis_each_change_is_told_too(staffed: Stand) -> None:
    _each_change_is_told(staffed)


def _each_change_is_told(staffed: Stand) -> None:
    answer = opened(staffed)
    assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Accel-Buffering"] == "no"
    heard = events(answer)
    before = next(heard)
    assert before == {"date": staffed.start()[:10], "revision": 0, "id": 0}
    staffed.confirmed()
    after = next(heard)
    assert after["revision"] == book(staffed)["revision"] > 0
    assert list(heard) == []
    answer.close()


def test_a_stand_that_looks_during_a_commit_hears_of_it_at_once(
    redis: RedisServer, staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book_events, "POLL_SECONDS_ALONE", 5.0)  # longer than the stream
    answer = opened(staffed)
    heard = events(answer)
    assert next(heard)["revision"] == 0
    signals.mark_changing([(staffed.restaurant.id, staffed.start()[:10])])
    commit = Timer(0.3, staffed.confirmed)
    commit.start()
    assert next(heard)["revision"] > 0
    commit.join()
    answer.close()


def test_streams_of_one_book_read_each_revision_once(
    redis: RedisServer, staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book_events, "_revisions", book_events._Revisions())
    read = []

    def counted(*about: Any) -> int:
        read.append(about)
        return revision(*about)

    revision = book_events._read
    monkeypatch.setattr(book_events, "_read", counted)
    answers = [opened(staffed), opened(staffed)]
    both = [events(answer) for answer in answers]
    assert [next(each)["revision"] for each in both] == [0, 0]
    staffed.confirmed()
    first, second = (next(each)["revision"] for each in both)
    assert first == second == book(staffed)["revision"] > 0
    assert len(read) == 2
    for answer in answers:
        answer.close()


def told(stand: Stand, last: int | None = None) -> list[dict[str, Any]]:
    """Return all events of one stream."""
    answer = opened(stand, last)
    found = list(events(answer))
    answer.close()
    return found


def test_a_stand_that_comes_again_hears_what_it_missed_and_nothing_else(staffed: Stand) -> None:
    staffed.confirmed()
    (first,) = told(staffed)
    assert told(staffed, first["id"]) == []
    staffed.confirmed(guest={"name": "Bea", "email": "bea@example.com"})
    (second,) = told(staffed, first["id"])
    assert second["revision"] > first["revision"]
    (odd,) = told(staffed, -1)
    assert odd == second


def test_another_days_book_is_not_told_of(staffed: Stand) -> None:
    answer = opened(staffed, date=staffed.start(days=4)[:10])
    heard = events(answer)
    assert next(heard)["revision"] == 0
    staffed.confirmed()
    assert list(heard) == []
    answer.close()


def test_one_too_many_is_refused_and_a_place_is_free_again(staffed: Stand) -> None:
    first, second = opened(staffed), opened(staffed)
    refused = opened(staffed)
    assert refused.status_code == 503
    assert (refused.json["code"], refused.headers["Retry-After"]) == ("too-many-streams", "5")
    first.close()
    first.close()
    third = opened(staffed)
    assert third.status_code == 200
    assert opened(staffed).status_code == 503
    second.close()
    third.close()
    assert "maitred_streams 0.0" in staffed.client.get("/metrics").text


@pytest.mark.parametrize(
    "named", ["9" * 5000, "9" * 19, "-1", "0x10", "1e3", "\u0663", "9" * 4300 + "x"]
)
def test_a_revision_that_cannot_be_one_takes_no_place_for_good(staffed: Stand, named: str) -> None:
    headers = staffed.as_staff("viewer") | {"Last-Event-ID": named}
    path = f"/api/v1/restaurants/{staffed.restaurant.slug}/book/events"
    for method in ("GET", "HEAD", "GET", "HEAD", "GET", "HEAD"):
        answer = staffed.client.open(
            path, method=method, query_string={"date": staffed.start()[:10]}, headers=headers
        )
        assert answer.status_code == 200, (method, answer.text)
        answer.close()
    assert "maitred_streams 0.0" in staffed.client.get("/metrics").text


def test_an_answer_that_fails_after_the_view_gives_its_place_back(
    staffed: Stand, app: APIFlask
) -> None:
    fails = [True]

    def trouble(answer: Answer) -> Answer:
        if fails[0] and answer.mimetype == "text/event-stream":
            raise RuntimeError("a header that cannot be made")
        return answer

    app.after_request_funcs.setdefault(None, []).append(trouble)
    assert [opened(staffed).status_code for _ in range(4)] == [500] * 4
    fails[0] = False
    answer = opened(staffed)
    assert answer.status_code == 200
    answer.close()
    assert "maitred_streams 0.0" in staffed.client.get("/metrics").text


def test_one_account_cannot_take_the_places_of_all(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMS_MAX", "12")
    settings.cache_clear()
    book_events._slots.cache_clear()
    path = f"/api/v1/restaurants/{staffed.restaurant.slug}/book/events"
    query = {"date": staffed.start()[:10]}
    viewer = staffed.as_staff("viewer")
    taken = [staffed.client.get(path, query_string=query, headers=viewer) for _ in range(12)]
    assert [each.status_code for each in taken] == [200] * 3 + [503] * 9
    assert taken[-1].json["code"] == "too-many-streams"
    answer = opened(staffed)
    assert answer.status_code == 200
    assert "maitred_streams 4.0" in staffed.client.get("/metrics").text
    for each in (*taken, answer):
        each.close()


def test_a_stand_that_goes_leaves_its_place(
    staffed: Stand, service_env: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    process = Process(
        "web",
        [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--port", str(port),
         "--blocking-threads", "4", "web.wsgi:app"],
        log=tmp_path / "web.log",
        env=dict(os.environ) | service_env | {"STREAM_SECONDS": "40", "STREAMS_MAX": "1"},
        cwd=ROOT,
    )  # fmt: skip
    process.start()
    process.wait_ready(lambda: is_listening(port))
    url = f"http://127.0.0.1:{port}/api/v1/restaurants/{staffed.restaurant.slug}/book/events"
    ask = partial(
        httpx.stream, "GET", url, params={"date": "2026-03-06"}, headers=staffed.as_staff()
    )

    def is_refused() -> bool:
        with ask() as answer:
            return answer.status_code == 503

    try:
        with ask() as answer:
            assert answer.status_code == 200
            lines = answer.iter_lines()
            assert next(lines).startswith("retry")
            assert is_refused()
        wait_until(lambda: not is_refused(), seconds=20, what="a free place")
    finally:
        process.terminate()


def test_only_roles_that_may_read_the_book_get_its_events(staffed: Stand) -> None:
    path = f"/api/v1/restaurants/{staffed.restaurant.slug}/book/events"
    assert staffed.client.get(path, query_string={"date": "2026-03-06"}).status_code == 401
    for query in ({}, {"date": "6 March"}):
        answer = staffed.client.get(path, query_string=query, headers=staffed.as_staff())
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "date")


def test_silence_is_broken_now_and_then(staffed: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_events, "SILENCE_SECONDS", 0.3)
    answer = opened(staffed)
    pieces = list(answer.iter_encoded())
    answer.close()
    assert pieces[0] == b"retry: 500\n\n"
    assert 3 <= pieces.count(b": nothing new\n\n") <= 6
