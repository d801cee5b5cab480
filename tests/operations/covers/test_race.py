"""Many guests at once for the last covers: the number holds; without locks it does not.

No key forbids too many covers: the locks of the books and of the restaurant are all there is.
The book's lock alone is not enough, because two shifts share its covers where a turn runs over.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import time as time_of
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from models.core.errors import NotSeated
from models.operations.deciding import covers as staff
from models.operations.deciding import rounds
from models.queries.deciding.boards import load_boards
from models.queries.deciding.covers import covers_present
from models.queries.floor.load import restaurant_by_id
from models.rules.restaurant.sittings import quarter_of
from tests.race.scene import APART, BOTH_OFF, NOW, START, UNPACED, Scene, stage
from tests.services.running.restaurant import ShiftTimes
from tests.services.running.together import answers, together

COVERS = 5
#: dinner begins while lunch's last turns are still there
SHIFTS = {
    "lunch": ShiftTimes(first=time_of(12), last=time_of(16), ends=time_of(17, 30)),
    "dinner": ShiftTimes(first=time_of(17)),
}
LATE_LUNCH, EARLY_DINNER = START - timedelta(hours=3), START - timedelta(hours=2)
NO_KEY = UNPACED | {"waitlist": False}


def most_there(scene: Scene) -> int:
    """The most covers at once around START."""
    first = quarter_of(START) - 16
    with Session(scene.bind) as session:
        restaurant = restaurant_by_id(session, scene.restaurant.id)
        there = covers_present(session, restaurant, first=first, last=first + 32, now=NOW)
    return max(there.values())


def book_in_both(scene: Scene, parties: int) -> None:
    """As many hosts book for lunch's last turn and for dinner's first, all at once."""

    def book(number: int) -> int:
        return scene.book(number, start=EARLY_DINNER if number % 2 else LATE_LUNCH)

    for result in together(book, range(parties)):
        assert isinstance(result, int | NotSeated), result


def ask_and_decide(scene: Scene, parties: int) -> None:
    """A request every 30 ms, each with a worker, while the last worker still decides."""

    def ask(number: int) -> None:
        time.sleep(APART * number)
        scene.request(number, start=EARLY_DINNER if number % 2 else LATE_LUNCH)
        scene.drain()

    answers(together(ask, range(parties)))
    scene.drain()


ACTS: dict[str, Callable[[Scene, int], None]] = {"hosts": book_in_both, "guests": ask_and_decide}


def pause_after_counting(bind: Engine, seconds: float) -> None:
    """Delay after the covers are counted, so that a race that is possible happens."""

    def pause(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "JOIN door_entries" in statement.replace("LEFT OUTER ", ""):
            time.sleep(seconds)

    event.listen(bind, "after_cursor_execute", pause)


@pytest.mark.both
@pytest.mark.parametrize("act", ACTS)
def test_the_last_covers_are_given_once(
    db: Engine, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    with stage(db, monkeypatch, covers=COVERS, shifts=SHIFTS, policies=NO_KEY) as scene:
        pause_after_counting(scene.bind, 0.01)
        ACTS[act](scene, 24)
        assert most_there(scene) == 4  # two parties of two
        assert not scene.findings()


@contextmanager
def both_count_first(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without the lock of the covers; two callers write only once both have counted."""
    counted, load = Barrier(2), load_boards

    def load_and_wait(*args: Any, **more: Any) -> Any:
        boards = load(*args, **more)
        counted.wait(30)
        return boards

    with patch.context() as own:
        for module in (rounds, staff):
            own.setattr(module, "lock_covers", lambda _session, _restaurant: None)
        own.setattr(rounds, "load_boards", load_and_wait)
        yield


def too_many(scene: Scene) -> bool:
    """Whether four are there, of three allowed; the check says so."""
    return most_there(scene) == 4 and "covers" in {each.rule for each in scene.findings()}


@pytest.mark.both
def test_control_without_locks_two_hosts_exceed_the_number(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(db, monkeypatch, safeguards=BOTH_OFF, covers=3, policies=NO_KEY) as scene:
        with both_count_first(monkeypatch):
            answers(together(scene.book, range(2)))
        assert too_many(scene)


@pytest.mark.both
def test_control_without_locks_a_guest_and_a_host_exceed_the_number(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(db, monkeypatch, safeguards=BOTH_OFF, covers=3, policies=NO_KEY) as scene:
        scene.request(0)

        def decide_or_book(number: int) -> int:
            return scene.book(number) if number else scene.drain(limit=1)

        with both_count_first(monkeypatch):
            answers(together(decide_or_book, range(2)))
        assert too_many(scene)


@pytest.mark.mariadb
def test_control_the_locks_of_two_books_are_not_enough(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(db, monkeypatch, covers=3, shifts=SHIFTS, policies=NO_KEY) as scene:
        with both_count_first(monkeypatch):
            book_in_both(scene, 2)
        assert too_many(scene)
