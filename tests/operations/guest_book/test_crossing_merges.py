"""Two hosts merge two records into each other at once: one of them does, and nothing is lost.

The guest book's lock decides it. The control takes the lock away, and finds a circle.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.entities import GuestRecord
from models.operations.guest_book import merging, records
from models.operations.guest_book.merging import merge_record
from models.operations.guest_book.records import GuestAct
from tests.operations.evenings import a_stand
from tests.operations.guest_book.test_online_refused import record
from tests.services.running.stand import START, Stand

pytestmark = pytest.mark.mariadb

#: no party of these guests is to come, so that no book's lock keeps the hosts apart
LATER = START + timedelta(days=30)


def at_once(stand: Stand, patch: pytest.MonkeyPatch) -> tuple[list[bool], dict[int, int | None]]:
    """Two hosts merge the records crosswise; who did, and what each record is merged into."""
    for name in ("ann", "bob"):
        stand.ask(email=f"{name}@example.com")
    one, two = record(stand, "ann@example.com"), record(stand, "bob@example.com")
    both = Barrier(2)
    take_over: Callable[..., Any] = merging._take_over

    def together(*about: Any) -> None:
        """Wait until both have read; where a lock keeps them apart, for a second."""
        with suppress(BrokenBarrierError):
            both.wait(timeout=1)
        take_over(*about)

    patch.setattr(merging, "_take_over", together)

    def merge(mine: int, other: int) -> bool:
        act = GuestAct(stand.restaurant.id, mine, f"staff:{mine}", LATER)
        with suppress(StateConflict):
            stand.do(partial(merge_record, act=act, other_id=other))
            return True
        return False

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(merge, (one, two), (two, one)))
    with Session(stand.bind) as session:
        rows = {each: session.get_one(GuestRecord, each).merged_into for each in (one, two)}
    return done, rows


def test_one_of_two_merges_that_cross_is_refused(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, merged = at_once(a_stand(db), monkeypatch)
    assert sorted(done) == [False, True]
    assert sorted(each is None for each in merged.values()) == [False, True]


def test_without_the_lock_two_records_are_merged_into_each_other(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "lock_guest_books", lambda *_: None)
    done, merged = at_once(a_stand(db), monkeypatch)
    assert done == [True, True]
    assert None not in merged.values()
