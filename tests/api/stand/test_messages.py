"""Staff list failed messages with the reason, and resend those that are still true."""

from datetime import timedelta
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from sqlalchemy import select

from models.core import clock
from models.core.database.transactions import reading, transaction
from models.entities import AuditEntry, Message
from tests.api.conftest import Answer, Stand
from tests.tasks.mail_order import moved, order, reserve, row_of
from web.api.stand import messages as view
from web.schemas.messages import FailedMessagesOut, SentAgainOut

PLACE = "/api/v1/restaurants/demo/messages"
FAILED = {"state": "failed", "attempts": 7, "error": "smtp 550 5.1.1: recipient refused"}


def failed(stand: Stand, number: int, **values: Any) -> int:
    about = reserve(stand.restaurant.id, number=number, status=values.pop("status", "confirmed"))
    return order(about, **FAILED | values)


def listed(stand: Stand, query: str = "", role: str = "host") -> Answer:
    return stand.client.get(f"{PLACE}/failed{query}", headers=stand.as_staff(role))


def again(stand: Stand, path: str, role: str = "host", **body: Any) -> Answer:
    headers = stand.as_staff(role)
    return stand.client.post(f"{PLACE}/{path}", json=body or None, headers=headers)


@pytest.fixture
def nudged(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    found: list[bool] = []
    monkeypatch.setattr(view, "nudge_messages", lambda: found.append(True))
    return found


@pytest.mark.both
def test_what_failed_is_listed_and_sent_again(staffed: Stand, nudged: list[bool]) -> None:
    message = failed(staffed, 1)
    order(reserve(staffed.restaurant.id, number=2))  # queued, so not listed
    answer = listed(staffed)
    jsonschema.validate(answer.json, FailedMessagesOut.model_json_schema())
    (one,) = answer.json["messages"]
    assert (one["id"], one["kind"], one["channel"]) == (str(message), "confirmation", "email")
    assert (one["state"], one["attempts"], one["reason"]) == ("failed", 7, FAILED["error"])
    assert "guests.example" not in answer.text and "Guest" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    sent = again(staffed, f"{message}/send-again")
    jsonschema.validate(sent.json, SentAgainOut.model_json_schema())
    row = row_of(message)
    assert (row.state, row.attempts, row.error) == ("queued", 0, None)
    assert row.due_at <= clock.now() and nudged == [True]
    assert listed(staffed).json["messages"] == []
    assert again(staffed, f"{message}/send-again").status_code == 409, "it is on its way already"
    with reading() as session:
        (entry,) = session.scalars(select(AuditEntry)).all()
        assert (entry.action, entry.about) == ("message.sent_again", ["R0000001"])
        assert entry.actor.startswith("staff:")


@pytest.mark.both
def test_of_all_that_failed_since_only_what_is_true_is_sent_again(
    staffed: Stand, nudged: list[bool]
) -> None:
    now = clock.now()
    old = failed(staffed, 1, due_at=now - timedelta(days=2))
    true = [failed(staffed, number) for number in (2, 3)]
    cancelled = failed(staffed, 4, status="cancelled")
    changed = failed(staffed, 5, kind="changed")
    with reading() as session:
        moved(session.get_one(Message, changed).reservation_id, reason="changed", revision=9)
    elsewhere = failed(staffed, 6, restaurant_id=staffed.restaurant.id + 1)
    since = (now - timedelta(days=1)).isoformat()
    sent = again(staffed, "send-again", since=since)
    assert sent.json == {"queued": 2, "void": 2, "is_all": True}
    assert {row_of(one).state for one in true} == {"queued"}
    assert {row_of(one).state for one in (old, cancelled, changed, elsewhere)} == {"failed"}
    assert again(staffed, "send-again", since=since).json["queued"] == 0
    assert again(staffed, f"{cancelled}/send-again").status_code == 409
    assert again(staffed, f"{elsewhere}/send-again").status_code == 404
    assert nudged == [True]


def test_many_are_sent_in_parts(staffed: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        failed(staffed, number)
    monkeypatch.setattr(view, "_AT_ONCE", 3)
    monkeypatch.setattr(view, "FAILED_AT_ONCE", 3)
    first = listed(staffed).json
    assert len(first["messages"]) == 3
    rest = listed(staffed, f"?before={first['next']}").json
    assert (len(rest["messages"]), rest["next"]) == (2, None)
    since = (clock.now() - timedelta(hours=1)).isoformat()
    assert again(staffed, "send-again", since=since).json == {
        "queued": 3,
        "void": 0,
        "is_all": False,
    }
    assert again(staffed, "send-again", since=since).json["queued"] == 2


@pytest.mark.parametrize("since", ["yesterday", "2026-11-27T12:00:00", 5, None])
def test_a_time_that_is_none_is_named(staffed: Stand, since: object) -> None:
    answer = again(staffed, "send-again", since=since)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json["errors"]] == ["since"]


def test_a_viewer_sends_nothing(staffed: Stand) -> None:
    message = failed(staffed, 1)
    assert listed(staffed, role="viewer").status_code == 403
    assert again(staffed, f"{message}/send-again", role="viewer").status_code == 403
    assert staffed.client.get(f"{PLACE}/failed").status_code == 401
    with transaction() as session:
        assert session.get_one(Message, message).state == "failed"
