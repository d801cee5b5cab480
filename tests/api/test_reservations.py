"""A guest asks for a table, waits for the answer, sees, changes and cancels it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.api.conftest import Stand
from tests.services.counting import Statements

pytestmark = pytest.mark.both

Counter = Callable[[], AbstractContextManager[Statements]]


def test_a_request_is_written_down_and_decided(stand: Stand) -> None:
    answer = stand.ask(note="by the window")
    assert answer.status_code == 202
    body = answer.json
    assert body["status"] == "requested"
    assert body["start"] == stand.start()
    assert body["manage_url"].endswith(f"/manage/{body['manage_token']}")
    assert answer.headers["Location"] == f"/api/v1/reservations/{body['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert stand.decide() == 1
    seen = stand.client.get(
        answer.headers["Location"], headers={"Manage-Token": body["manage_token"]}
    )
    assert seen.status_code == 200
    assert seen.json["status"] == "confirmed"
    assert seen.json["reference"] == body["reference"]
    assert seen.json["note"] == "by the window"
    assert "tables" not in seen.json
