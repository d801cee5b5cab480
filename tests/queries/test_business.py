"""The evening's parties and guests, by status."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from models.core.database.transactions import reading
from models.queries.running.business import parties_around
from models.rules.reservations.lifecycle import Status
from tests.queries.evening import open_evening
from tests.services.counting import counting
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.stand import START


@pytest.mark.both
def test_parties_and_guests_of_this_evening_are_counted(
    restaurant: Callable[..., OpenRestaurant], db: Engine
) -> None:
    stand = open_evening(restaurant, db)
    for _ in range(2):
        stand.ask(2)
    stand.cancel(stand.ask(4))
    stand.request(1)
    with counting(db) as seen, reading(db) as session:
        found = {each.status: each for each in parties_around(session, now=START)}
    assert seen.count == 1
    assert set(found) == set(Status)
    numbers = {status: (each.count, each.guests) for status, each in found.items() if each.count}
    assert numbers == {
        Status.CONFIRMED: (2, 4),
        Status.CANCELLED: (1, 4),
        Status.REQUESTED: (1, 1),
    }
    with reading(db) as session:
        later = parties_around(session, now=START + timedelta(hours=13))
    assert not any(each.count for each in later)
