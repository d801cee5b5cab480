"""The check during writes, and by several processes: no false and no missed findings."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine, update

from models.entities import Assignment
from models.integrity import check as integrity
from models.integrity.check import findings_at_once
from models.integrity.checks import history
from models.operations.stand.arrivals import finish, seat
from tests.queries.evening import GRACE, LATER, check, open_evening, play, send_due
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.both
#: the least number of checks, and of requests that the writer makes meanwhile
CHECKS, REQUESTS = 12, 16


@pytest.fixture
def stand(db: Engine, restaurant: Callable[..., OpenRestaurant]) -> Stand:
    """Eight tables and one combination, a buffer, pacing."""
    return open_evening(restaurant, db)


@contextmanager
def writing(stand: Stand) -> Iterator[tuple[list[int], Future[None]]]:
    """Request, change, arrive, leave and cancel without a pause. Yield the reservations so far."""
    asked: list[int] = []
    end = Event()

    def work() -> None:
        while not end.is_set():
            day = START + timedelta(minutes=len(asked) % 8 * 15)
            number = stand.ask(1 + len(asked) % 6, start=day, phone="+15550100")
            asked.append(number)
            if stand.row(number).status != "confirmed":
                continue
            if len(asked) % 3 == 0:
                stand.change(number, starts_at=day + timedelta(minutes=30))
            elif len(asked) % 3 == 1:
                stand.cancel(number)
            else:
                stand.move(seat, number, now=day)
                stand.move(finish, number, now=day + timedelta(minutes=15))
                stand.drain()

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(work)
        try:
            yield asked, writer
        finally:
            end.set()
        writer.result()


def test_a_restaurant_at_work_gives_no_false_finding(stand: Stand) -> None:
    with writing(stand) as (asked, writer):
        checks = 0
        # until both have done enough: on a busy machine either may be far behind the other
        while checks < CHECKS or len(asked) < REQUESTS:
            assert findings_at_once(stand.bind, now=START, grace_seconds=1e7) == []
            assert not writer.done(), writer.exception()
            checks += 1


@pytest.mark.parametrize("pictures", ["one", "many"])
def test_it_is_the_one_snapshot_that_keeps_it_from_being_confused(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, pictures: str
) -> None:
    number = stand.ask(2)
    read = vars(history)["read_steps"]

    def cancel_and_read(*place: Any) -> Any:
        if stand.row(number).status == "confirmed":
            stand.cancel(number)
        return read(*place)

    monkeypatch.setattr(history, "read_steps", cancel_and_read)
    if pictures == "many":
        monkeypatch.setattr(integrity, "_one_snapshot", lambda _session: None)
    confused = bool(check(stand, now=NOW))
    # SQLite's transactions are consistent snapshots by themselves
    assert confused is (pictures == "many" and stand.bind.dialect.name != "sqlite")


def test_several_processes_find_what_one_finds(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = play(stand)
    now = LATER + timedelta(seconds=30)
    monkeypatch.setattr(integrity, "_FEW", 0)
    assert findings_at_once(stand.bind, now=now, grace_seconds=GRACE, processes=2) == []
    elsewhere = update(Assignment).where(Assignment.reservation_id == named["early"])
    stand.plant(elsewhere.values(dining_table_id=stand.restaurant.tables["8"]))
    by_one = check(stand, now=now)
    by_two = findings_at_once(stand.bind, now=now, grace_seconds=GRACE, processes=2)
    assert by_one
    assert set(by_two) == set(by_one)


def test_what_was_there_for_a_moment_is_no_finding(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are read before the rows: if a file changes in between, it is checked again."""
    numbers = [stand.ask(2) for _ in range(3)]
    send_due(stand, until=NOW)
    read: Any = vars(integrity)["read_files"]
    seen: list[object] = []

    def change_and_read(session: Any) -> Any:
        files = read(session)
        if not seen:
            seen.append(files)
            stand.plant_policies({"pacing": {"covers": 99}, "buffer_minutes": 15})
        return files

    stand.plant_policies({"pacing": {"covers": 5}, "buffer_minutes": 15})
    assert [each.rule for each in check(stand, now=NOW)] == ["pacing"]
    monkeypatch.setattr(integrity, "read_files", change_and_read)
    assert findings_at_once(stand.bind, now=NOW, grace_seconds=GRACE) == []
    assert numbers
