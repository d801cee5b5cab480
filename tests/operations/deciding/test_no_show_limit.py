"""The limit of no-shows: guests who did not come too often cannot book online."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, update

from models.entities import Reservation
from models.rules.deciding.board import Reason, shown_reason
from tests.operations.deciding.small import SMALL, a_small_stand, instead, load
from tests.operations.floor.test_special_days import row
from tests.queries.evening import check
from tests.services.counting import Statements
from tests.services.running.stand import NOW, START, Stand

pytestmark = pytest.mark.both

LIMITED = instead("max_party_online = 8", "max_party_online = 8\nno_show_limit = 2")
ANN = "ann@example.com"
DAY = timedelta(days=1)


@pytest.fixture
def stand(db: Engine) -> Stand:
    made = a_small_stand(db)
    load(LIMITED)
    return made


def missed(stand: Stand, *, days_ago: int = 1, **guest: Any) -> int:
    """A party that did not come."""
    number = stand.ask(2, start=START + 3 * DAY, **guest)
    at = {"status": "no_show", "starts_at": NOW - days_ago * DAY}
    stand.do(lambda session: session.execute(update(Reservation).filter_by(id=number).values(**at)))
    return number


def test_a_guest_with_too_many_no_shows_is_declined(stand: Stand) -> None:
    missed(stand, email=ANN)
    assert row(stand.ask(2, email=ANN)).status == "confirmed"
    missed(stand, days_ago=100, email=ANN)
    declined = row(stand.ask(2, start=START + DAY, email=ANN))
    assert (declined.status, declined.reason) == ("declined", "no_shows")
    assert declined.alternatives is None
    assert shown_reason(declined.reason) == Reason.FULL
    assert row(stand.ask(2, start=START + DAY)).status == "confirmed"


def test_a_no_show_counts_by_phone_too(stand: Stand) -> None:
    phone = "+49301234567"
    missed(stand, phone=phone)
    missed(stand, phone=phone)
    assert row(stand.ask(2, email="other@example.com", phone=phone)).reason == "no_shows"


def test_old_no_shows_and_the_staffs_bookings_are_let_be(stand: Stand) -> None:
    missed(stand, days_ago=366, email=ANN)
    missed(stand, email=ANN)
    assert row(stand.ask(2, email=ANN)).status == "confirmed"
    missed(stand, email=ANN)
    assert row(stand.book(2, start=START + DAY, email=ANN)).status == "confirmed"


def test_nobody_is_promoted_past_the_limit(stand: Stand) -> None:
    full = [stand.ask(4), stand.ask(4)]
    waits = stand.ask(4, email=ANN)
    missed(stand, email=ANN)
    missed(stand, email=ANN)
    stand.cancel(full[0])
    assert row(waits).status == "waitlisted"


def test_only_restaurants_with_a_limit_are_asked_for_it(
    stand: Stand, query_counter: Callable[[], AbstractContextManager[Statements]]
) -> None:
    days = count(2)

    def statements() -> int:
        stand.request(2, start=START + next(days) * DAY)
        with query_counter() as seen:
            stand.drain()
        return seen.count

    statements()
    with_limit = statements()
    load(SMALL)
    statements()
    assert statements() == with_limit - 1


def test_the_check_knows_the_reason(stand: Stand) -> None:
    missed_ids = {missed(stand, email=ANN), missed(stand, email=ANN)}
    declined = stand.ask(2, email=ANN)
    found = [each for each in check(stand, now=NOW) if declined in each.ids]
    assert found == []
    assert missed_ids
