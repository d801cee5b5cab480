"""Staff access to guests' contacts is audited, once an hour for each view."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from models.core import clock
from models.core.database.transactions import reading
from models.entities.privacy import AuditEntry
from tests.api.conftest import Stand
from tests.services.servers.redis import RedisServer
from web.api import access_log

pytestmark = pytest.mark.both


def looked() -> Counter[tuple[str, str, str]]:
    """Return the number of audit entries by (actor, action, about)."""
    with reading() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.action.like("%.read"))).all()
        return Counter((row.actor, row.action, ",".join(row.about)) for row in rows)


def see(stand: Stand, role: str, number: str, *, day: str, times: int = 3) -> None:
    for _ in range(times):
        for path, query in (
            (f"/api/v1/reservations/{number}", {}),
            (f"/api/v1/restaurants/{stand.restaurant.slug}/book", {"date": day}),
        ):
            answer = stand.client.get(path, query_string=query, headers=stand.as_staff(role))
            assert answer.status_code == 200


def test_each_account_and_view_is_a_line_an_hour(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = staffed.confirmed()
    day = body["start"][:10]
    for role in ("viewer", "host"):
        see(staffed, role, body["id"], day=day)
    found = looked()
    assert {key[1:] for key in found} == {("guest.read", body["reference"]), ("book.read", day)}
    assert len(found) == 4
    assert set(found.values()) == {1}
    later = clock.now() + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    see(staffed, "host", body["id"], day=day)
    assert sorted(looked().values()) == [1, 1, 2, 2]


def test_several_processes_write_one_line(redis: RedisServer, staffed: Stand) -> None:
    body = staffed.confirmed()
    see(staffed, "viewer", body["id"], day=body["start"][:10])
    access_log._seen.cache_clear()  # another process
    see(staffed, "viewer", body["id"], day=body["start"][:10])
    assert set(looked().values()) == {1}


def test_guests_and_events_write_none(staffed: Stand) -> None:
    body = staffed.confirmed()
    header = {"Manage-Token": body["manage_token"]}
    staffed.client.get(f"/api/v1/reservations/{body['id']}", headers=header)
    assert not looked()


def test_looking_again_costs_no_statement_more(
    staffed: Stand, query_counter: Callable[[], Any]
) -> None:
    body = staffed.confirmed()
    place = f"/api/v1/reservations/{body['id']}"
    counts = []
    for _ in range(3):
        with query_counter() as statements:
            staffed.client.get(place, headers=staffed.as_staff())
        counts.append((statements.count, len(statements.of("INSERT"))))
    assert counts[1] == counts[2]
    assert [inserts for _, inserts in counts][1:] == [0, 0]


def test_an_audit_that_cannot_be_written_keeps_nobody_from_the_book(
    staffed: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = staffed.confirmed()

    def broken(*_: Any, **__: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("read only"))

    monkeypatch.setattr(access_log, "note", broken)
    see(staffed, "viewer", body["id"], day=body["start"][:10], times=1)
