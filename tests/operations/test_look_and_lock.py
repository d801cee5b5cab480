"""What happens between the look and the lock: whoever was quicker has had their way.

On SQLite there is no such time: the transaction itself is the lock.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.entities import Message
from models.operations.books import lock_books
from models.operations.changes import cancel_reservation, change_reservation
from models.operations.waitlist import expire_waitlists
from models.rules.requests import TableChange
from tests.operations.evenings import (
    ONE_TABLE,
    a_stand,
    book_rows,
    one_round,
    quarters_held,
    rows_of,
    statuses,
    told,
)
from tests.services.stand import NOW, START, Stand

pytestmark = pytest.mark.mariadb

DAY = timedelta(days=1)


def just_before_the_lock(
    patch: pytest.MonkeyPatch, module: str, work: Callable[[], object]
) -> set[int]:
    """Let `work` happen once, before a module of the operations takes its first lock.

    Gives the books that the module locks from then on.
    """
    left, locked = [work], set[int]()

    def then_lock(session: Session, books: Mapping[int, int]) -> frozenset[int]:
        locked.update(books)
        if left:
            left.pop()()
        return lock_books(session, books)

    patch.setattr(f"models.operations.{module}.lock_books", then_lock)
    return locked


def cancel(stand: Stand, number: int) -> None:
    stand.do(
        lambda session: cancel_reservation(session, number, now=NOW, actor="guest", by_staff=False)
    )


def test_who_cancelled_meanwhile_is_not_answered(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = a_stand(db)
    numbers = [stand.request(), stand.request()]
    just_before_the_lock(monkeypatch, "allocation", lambda: cancel(stand, numbers[0]))
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
    just_before_the_lock(monkeypatch, "allocation", lambda: decided.append(one_round(stand).count))
    assert (one_round(stand).count, decided) == (0, [3])
    assert statuses(stand, numbers) == ["confirmed"] * 3
    assert rows_of(stand, Message) == 4 + 2 * 4  # a message and two reminders of each move


def test_who_moved_to_another_book_meanwhile_is_cancelled_there(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number = stand.ask()
    waiting = [stand.ask(), stand.ask(start=START + 2 * DAY), stand.ask(start=START + 2 * DAY)]
    before = stand.row(number).book_id

    def meanwhile() -> None:
        wish = TableChange(starts_at=START + DAY)
        with monkeypatch.context() as patch:  # the others lock as ever
            patch.setattr("models.operations.books.lock_books", lock_books)
            stand.do(
                lambda session: change_reservation(
                    session, number, change=wish, now=NOW, actor="guest", by_staff=False
                )
            )
            stand.drain()

    locked = just_before_the_lock(monkeypatch, "books", meanwhile)
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


def test_who_was_promoted_meanwhile_does_not_expire(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    first, waiting = stand.ask(), stand.ask()
    just_before_the_lock(monkeypatch, "waitlist", lambda: stand.cancel(first))
    assert stand.do(lambda session: expire_waitlists(session, now=START, limit=9)) == 0
    assert stand.row(waiting).status == "confirmed"
