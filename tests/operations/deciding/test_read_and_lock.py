"""Races between the first query and the lock: the earlier commit wins.

On SQLite there is no such window: the transaction itself is the lock.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.entities import Message
from models.operations.deciding.books import lock_books
from models.operations.deciding.rounds import Round
from models.operations.deciding.waitlist import expire_waitlists
from models.operations.reservations.changes import cancel_reservation, request_change
from models.queries.deciding.lanes import LaneWork, read_work
from models.rules.reservations.requests import TableChange
from tests.operations.evenings import (
    HOUR,
    LUNCH_AND_DINNER,
    ONE_TABLE,
    a_stand,
    book_rows,
    one_round,
    quarters_held,
    rows_of,
    statuses,
    told,
)
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.mariadb

DAY = timedelta(days=1)


def just_before_the_lock(
    patch: pytest.MonkeyPatch, module: str, work: Callable[[], object]
) -> set[int]:
    """Run `work` once, before a module of the operations takes its first lock.

    Returns the books that the module locks from then on.
    """
    left, locked = [work], set[int]()

    def then_lock(session: Session, books: Mapping[int, int]) -> dict[int, int]:
        locked.update(books)
        if left:
            left.pop()()
        return lock_books(session, books)

    patch.setattr(f"models.operations.{module}.lock_books", then_lock)
    return locked


def cancel(stand: Stand, number: int, *, now: datetime = NOW) -> None:
    stand.do(
        lambda session: cancel_reservation(session, number, now=now, actor="guest", by_staff=False)
    )


def test_a_party_that_cancelled_meanwhile_is_not_answered(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = a_stand(db)
    numbers = [stand.request(), stand.request()]
    just_before_the_lock(monkeypatch, "deciding.allocation", lambda: cancel(stand, numbers[0]))
    assert one_round(stand).count == 1
    assert statuses(stand, numbers) == ["cancelled", "confirmed"]
    assert told(stand, numbers[0]) == ["cancelled"]


def test_what_another_worker_decided_meanwhile_is_not_decided_again(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = a_stand(db)
    numbers = [stand.ask(), stand.request(), stand.request()]
    stand.wish(numbers[0], party_size=4)
    decided = []
    just_before_the_lock(
        monkeypatch, "deciding.allocation", lambda: decided.append(one_round(stand).count)
    )
    assert (one_round(stand).count, decided) == (0, [3])
    assert statuses(stand, numbers) == ["confirmed"] * 3
    assert rows_of(stand, Message) == 4 + 2 * 4  # a message and two reminders of each move


def test_a_party_that_moved_to_another_book_meanwhile_is_cancelled_there(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number = stand.ask()
    waiting = [stand.ask(), stand.ask(start=START + 2 * DAY), stand.ask(start=START + 2 * DAY)]
    before = stand.row(number).book_id

    def meanwhile() -> None:
        wish = TableChange(starts_at=START + DAY)
        with monkeypatch.context() as patch:  # later work locks as usual
            patch.setattr("models.operations.deciding.books.lock_books", lock_books)
            stand.do(
                lambda session: request_change(session, number, change=wish, now=NOW, actor="guest")
            )
            stand.drain()

    locked = just_before_the_lock(monkeypatch, "deciding.books", meanwhile)
    stand.cancel(number)
    assert locked == {before, stand.row(number).book_id}
    assert statuses(stand, [number, *waiting]) == [
        "cancelled",
        "confirmed",
        "confirmed",
        "waitlisted",
    ]
    assert quarters_held(stand) == 12
    assert not [book for book in book_rows(stand) if book.freed_at]


def test_a_party_promoted_meanwhile_does_not_expire(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    first, waiting = stand.ask(), stand.ask()
    just_before_the_lock(monkeypatch, "deciding.due", lambda: stand.cancel(first))
    assert stand.do(lambda session: expire_waitlists(session, now=START, limit=9)) == 0
    assert stand.row(waiting).status == "confirmed"


def lunch_to_dinner(db: Engine) -> tuple[Stand, int, int, int]:
    """One table: two lunches, the later until 17:30, and a dinner that waits for its end."""
    stand = a_stand(db, tables=ONE_TABLE, shifts=LUNCH_AND_DINNER)
    early, late = START - 6 * HOUR, START - 3 * HOUR
    lunches = stand.ask(start=early), stand.ask(start=late)
    waits = stand.ask(start=START - 2 * HOUR)
    assert statuses(stand, [*lunches, waits]) == ["confirmed", "confirmed", "waitlisted"]
    return stand, *lunches, waits


def test_a_cancellation_between_look_and_lock_is_heard_next_door_too(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand, early, late, waits = lunch_to_dinner(db)
    asks = stand.request(start=START - 6 * HOUR)  # the lane has work in lunch's book only
    just_before_the_lock(monkeypatch, "deciding.allocation", lambda: cancel(stand, late))
    assert one_round(stand).more
    assert stand.row(waits).status == "waitlisted"
    stand.drain()
    assert stand.row(waits).status == "confirmed"
    assert statuses(stand, [early, asks]) == ["confirmed", "waitlisted"]
    assert not [book for book in book_rows(stand) if book.freed_at]


def test_a_second_cancellation_between_look_and_lock_is_heard_next_door_too(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first query sees lunch's book as freed, but without a waiting party in the next book."""
    stand = a_stand(db, tables=ONE_TABLE, shifts=LUNCH_AND_DINNER)
    early, late = stand.ask(start=START - 6 * HOUR), stand.ask(start=START - 3 * HOUR)
    waits = []

    def meanwhile() -> None:
        with monkeypatch.context() as patch:
            patch.setattr("models.operations.deciding.allocation.lock_books", lock_books)
            waits.append(stand.request(start=START - 2 * HOUR))
            answer_only(stand, patch)
        cancel(stand, late)

    cancel(stand, early)
    just_before_the_lock(monkeypatch, "deciding.allocation", meanwhile)
    assert one_round(stand).more
    stand.drain()
    assert statuses(stand, waits) == ["confirmed"]
    assert not [book for book in book_rows(stand) if book.freed_at]


def answer_only(stand: Stand, patch: pytest.MonkeyPatch) -> None:
    """Another worker decides the requests that it read, and has not seen a freed book."""

    def look_past(*given: Any, **more: Any) -> LaneWork:
        found = read_work(*given, **more)
        return LaneWork(
            found.requests, books={b: h for b, h in found.books.items() if b not in found.freed}
        )

    patch.setattr("models.operations.deciding.allocation.read_work", look_past)
    one_round(stand)


def test_control_clearing_what_was_not_read_leaves_the_neighbour_waiting(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand, _early, late, waits = lunch_to_dinner(db)
    stand.request(start=START - 6 * HOUR)
    just_before_the_lock(monkeypatch, "deciding.allocation", lambda: cancel(stand, late))
    honest = Round.promote

    def clear_all(self: Round, freed: Any, *, answered: Any = ()) -> None:
        honest(self, freed, answered=freed)

    monkeypatch.setattr(Round, "promote", clear_all)
    one_round(stand)
    stand.drain()
    assert stand.row(waits).status == "waitlisted"
