"""Fifty parties for the last table: exactly one gets it; without safeguards, several do."""

import time
from datetime import time as time_of
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from models.core.errors import NotSeated
from tests.race.scene import APART, ONE_OFF, PAUSE, START, Safeguards, Scene, sells_twice, stage
from tests.services.running.restaurant import ShiftTimes
from tests.services.running.together import answers, together

PARTIES = 50


def _book_all(scene: Scene, parties: int) -> list[int]:
    """As many hosts book the parties concurrently; return the ids of those with a table."""
    results = together(scene.book, range(parties))
    for result in results:
        assert isinstance(result, int | NotSeated), result
    return [result for result in results if isinstance(result, int)]


def _request_and_decide(scene: Scene, parties: int, *, limit: int) -> None:
    """The parties request concurrently, while four workers decide."""

    def ask_or_decide(number: int) -> int:
        return scene.request(number) if number < parties else scene.drain(limit=limit)

    answers(together(ask_or_decide, range(parties + 4)))
    answers(together(lambda _: scene.drain(limit=limit), range(4)))


def _trickle(scene: Scene, parties: int) -> None:
    """A request every 30 ms, each with a worker, while the last worker still decides."""

    def ask_and_decide(number: int) -> None:
        time.sleep(APART * number)
        scene.request(number)
        scene.drain()

    answers(together(ask_and_decide, range(parties)))
    scene.drain()


@pytest.mark.both
def test_fifty_hosts_book_the_last_table_once(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with stage(db, monkeypatch) as scene:
        assert len(_book_all(scene, PARTIES)) == 1
        assert scene.statuses() == {"confirmed": 1}
        assert not scene.findings()


@pytest.mark.both
@pytest.mark.parametrize("safeguards", ONE_OFF)
def test_one_safeguard_alone_still_books_it_once(
    db: Engine, monkeypatch: pytest.MonkeyPatch, safeguards: Safeguards
) -> None:
    with stage(db, monkeypatch, safeguards=safeguards, pause=0.02) as scene:
        assert len(_book_all(scene, 12)) == 1
        assert (scene.sold(), scene.sold_twice()) == (1, [])


@pytest.mark.both
def test_control_without_safeguards_the_table_is_booked_twice(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sells_twice(db, monkeypatch, lambda scene: _book_all(scene, 12))


@pytest.mark.both
@pytest.mark.parametrize("limit", [3, 500], ids=["small-rounds", "large-rounds"])
def test_four_workers_give_the_last_table_once(
    db: Engine, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    with stage(db, monkeypatch) as scene:
        _request_and_decide(scene, PARTIES, limit=limit)
        assert scene.statuses() == {"confirmed": 1, "declined": PARTIES - 1}
        assert not scene.sold_twice()
        assert not scene.findings()


@pytest.mark.both
@pytest.mark.parametrize("safeguards", ONE_OFF)
def test_one_safeguard_alone_still_gives_it_once(
    db: Engine, monkeypatch: pytest.MonkeyPatch, safeguards: Safeguards
) -> None:
    with stage(db, monkeypatch, safeguards=safeguards, pause=PAUSE) as scene:
        _trickle(scene, 8)
        assert (scene.sold(), scene.sold_twice()) == (1, [])


@pytest.mark.both
def test_control_without_safeguards_workers_give_it_twice(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sells_twice(db, monkeypatch, lambda scene: _trickle(scene, 8))


@pytest.mark.both
def test_two_books_share_a_table_and_only_the_key_knows(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lunch's last turn overlaps with dinner; each has its own book and so its own lock."""
    shifts = {
        "lunch": ShiftTimes(first=time_of(12), last=time_of(16), ends=time_of(17, 30)),
        "dinner": ShiftTimes(first=time_of(17)),
    }
    late_lunch, early_dinner = START - timedelta(hours=3), START - timedelta(hours=2)

    with stage(db, monkeypatch, shifts=shifts, pause=0.02) as scene:

        def book(number: int) -> int:
            return scene.book(number, start=early_dinner if number % 2 else late_lunch)

        results = together(book, range(16))
        assert [isinstance(result, int) for result in results].count(True) == 1
        assert all(isinstance(result, int | NotSeated) for result in results), results
        assert scene.statuses() == {"confirmed": 1}
