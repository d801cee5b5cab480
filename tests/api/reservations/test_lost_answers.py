"""Lost answers to a commit: the change is applied once, and an unknown outcome is reported."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database import transactions as core_db
from models.core.database.transactions import make_engine
from models.core.redis import signals
from models.entities import Reservation
from tests.api.conftest import Answer, Stand, counted
from tests.api.reservations.test_changes import guest, patch, seen
from tests.services.servers.breaking_line import BreakingLine

pytestmark = pytest.mark.mariadb


@pytest.fixture
def line(db: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[BreakingLine]:
    """A connection to the database that tests can break."""
    url = db.url
    assert url.port is not None
    with BreakingLine(url.port) as made:
        bind = make_engine(url.set(port=made.port).render_as_string(hide_password=False))
        monkeypatch.setattr(core_db, "engine", lambda: bind)
        yield made
        bind.dispose()


def cancelled(stand: Stand, made: dict[str, Any], headers: dict[str, str]) -> Answer:
    return stand.client.post(f"/api/v1/reservations/{made['id']}/cancel", headers=headers)


#: request -> (call, expected status, new rows in the history)
CHANGES: dict[str, tuple[Callable[..., Answer], int, int]] = {
    "a guest's wish": (lambda *who: patch(*who, party_size=4), 202, 0),
    "a guest's note": (lambda *who: patch(*who, note="by the window"), 200, 1),
    "a cancellation": (cancelled, 200, 1),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_whose_answer_was_lost_is_done_once(
    stand: Stand, line: BreakingLine, what: str
) -> None:
    made = stand.confirmed()
    send, status, moves = CHANGES[what]
    known = guest(made) | {"If-Match": seen(stand, made, guest(made)).headers["ETag"]}
    before = counted(stand.db)
    line.lose_the_answer_to(b"commit")
    answer = send(stand, made, known)
    assert line.broken == 1
    assert answer.status_code == status, answer.text
    after = counted(stand.db)
    assert after["reservation_moves"] - before["reservation_moves"] == moves
    assert after["reservation_changes"] - before["reservation_changes"] == 1 - moves
    again = send(stand, made, known)
    assert (again.status_code, counted(stand.db)) == (status, after)


def test_a_staff_change_whose_answer_was_lost_is_done_once(
    staffed: Stand, line: BreakingLine
) -> None:
    made, host = staffed.confirmed(), staffed.as_staff()
    known = host | {"If-Match": seen(staffed, made, host).headers["ETag"]}
    line.lose_the_answer_to(b"commit")
    answer = patch(staffed, made, known, party_size=4)
    assert line.broken == 1
    assert (answer.status_code, answer.json["party_size"]) == (200, 4)
    assert counted(staffed.db)["reservation_changes"] == 1


def test_what_may_be_done_is_not_called_undone(
    stand: Stand, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stand.confirmed()
    bind = make_engine(db.url.set(port=1).render_as_string(hide_password=False))
    monkeypatch.setattr(core_db, "engine", lambda: bind)
    for answer in (patch(stand, made, guest(made), note="x"), stand.ask()):
        assert (answer.status_code, answer.json["outcome"]) == (503, "unknown")
        assert "is unknown" in answer.json["detail"]
        assert "Idempotency-Key" in answer.json["detail"]
    looked = seen(stand, made, guest(made))
    assert looked.status_code == 503
    assert "outcome" not in looked.json


def arrive(stand: Stand, made: dict[str, Any], headers: dict[str, str]) -> Answer:
    return stand.client.post(f"/api/v1/reservations/{made['id']}/arrive", headers=headers)


def test_a_move_that_is_done_needs_no_reading_after(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database becomes unreachable right after the commit."""
    made, host = staffed.confirmed(start=staffed.start(days=1)), staffed.as_staff()
    with Session(staffed.db) as session:
        start = session.get_one(Reservation, int(made["id"])).starts_at
    monkeypatch.setattr(clock, "now", lambda: start)
    gone = make_engine(staffed.db.url.set(port=1).render_as_string(hide_password=False))

    def go_away(*_: object) -> None:
        monkeypatch.setattr(core_db, "engine", lambda: gone)

    monkeypatch.setattr(signals, "mark_changed", go_away)
    answer = arrive(staffed, made, host)
    assert core_db.engine() is gone
    assert (answer.status_code, answer.json["status"]) == (200, "arrived")
