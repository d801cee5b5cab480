"""Availability while a book is being decided: it reads one state of the database."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from models.core import clock
from models.core.database.transactions import reading
from models.queries.deciding.availability import Slot
from models.queries.deciding.movable import load_movable
from models.queries.floor.load import restaurant_by_id
from tests.operations.evenings import a_stand
from tests.services.running.offers import availability
from tests.services.running.stand import Stand
from web.offers import offered_starts

pytestmark = pytest.mark.both

#: a party of two fits the small table only, and has it
TABLES = {"small": ("hall", 1, 2), "large": ("hall", 3, 4)}
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def start() -> datetime:
    """19:00 in Berlin, three days from now."""
    day = clock.now().astimezone(BERLIN).date() + timedelta(days=3)
    return datetime(day.year, day.month, day.day, 19, tzinfo=BERLIN)


@pytest.fixture
def full(db: Engine, start: datetime, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """The small table is taken; between availability's two queries the large one is confirmed."""
    stand = a_stand(db, tables=TABLES)
    now = clock.now()
    stand.ask(2, start=start, now=now)

    def decided_meanwhile(*args: Any, **more: Any) -> None:
        stand.ask(4, start=start, now=now)
        load_movable(*args, **more)

    monkeypatch.setattr("models.queries.deciding.availability.load_movable", decided_meanwhile)
    return stand


def test_offers_are_worked_out_while_a_book_is_decided(full: Stand, start: datetime) -> None:
    slots, _restaurant = offered_starts(
        full.restaurant.slug, on_date=start.date(), party_size=2, area_key=None, now=clock.now()
    )
    assert slots
    assert start not in [slot.starts_at for slot in slots]


def test_control_two_states_make_no_sense(full: Stand, start: datetime) -> None:
    """On SQLite a transaction reads one state by itself."""
    if full.bind.dialect.name == "sqlite":
        assert _look(full, start)
        return
    with pytest.raises(KeyError):
        _look(full, start)


def _look(stand: Stand, start: datetime) -> list[Slot]:
    with reading(stand.bind) as session:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        return availability(
            session, restaurant, on_date=start.date(), party_size=2, now=clock.now()
        )
