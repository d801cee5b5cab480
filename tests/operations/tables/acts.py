"""Helpers for the tests of acts on tables: a floor, its parties, and what an act changed."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.core.errors import StateConflict, TableTaken
from models.entities import ReservationMove
from models.integrity.check import findings
from models.operations.tables.assigning import assign_tables, swap_tables
from models.operations.tables.lengthening import Length, change_turn
from models.operations.tables.placing import TableOutcome
from tests.queries.evening import send_due
from tests.services.running.stand import START, Stand

#: two tables for two, two for four, one for six
FLOOR = {
    "1": ("hall", 1, 2),
    "2": ("hall", 1, 2),
    "3": ("hall", 2, 4),
    "4": ("hall", 2, 4),
    "6": ("hall", 3, 6),
}
NEAR = {"lead_minutes": 0, "reminder_minutes": []}


def minutes(count: float) -> datetime:
    """So long after the start."""
    return START + timedelta(minutes=count)


def ids(stand: Stand, *labels: str) -> tuple[int, ...]:
    """The tables' ids."""
    return tuple(stand.restaurant.tables[label] for label in labels)


def assign(
    stand: Stand, number: int, *labels: str, now: datetime = START, **more: Any
) -> TableOutcome:
    """Assign these tables."""
    return stand.move(assign_tables, number, now=now, table_ids=ids(stand, *labels), **more)


def swap(
    stand: Stand, number: int, other: int, *, now: datetime = START, **more: Any
) -> TableOutcome:
    """Exchange the tables of two parties."""
    return stand.move(swap_tables, number, now=now, other_id=other, **more)


def extend(stand: Stand, number: int, *, now: datetime, **more: Any) -> TableOutcome:
    """Change the end of a turn: `until`, `minutes`, or neither for an open end."""
    length = Length(more.pop("until", None), more.pop("minutes", None))
    return stand.move(change_turn, number, now=now, length=length, **more)


def moved(outcome: TableOutcome) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Reference -> the tables before and after, of the parties that made way."""
    return {each.reference: (each.before, each.after) for each in outcome.affected}


def last_move(stand: Stand, number: int) -> tuple[str, Any]:
    """The reason and the detail of the last step."""
    row = ReservationMove
    query = select(row.reason, row.detail).where(row.reservation_id == number)
    with Session(stand.bind) as session:
        found = session.execute(query.order_by(row.id.desc()).limit(1)).one()
        return found.reason, found.detail


def facts(stand: Stand, *numbers: int) -> list[Any]:
    """What must not change when an act is refused or only previewed."""
    return [stand.revision()] + [
        (row.revision, row.ends_at, row.tables_chosen, row.tables_locked, stand.held(row.id))
        for row in map(stand.row, numbers)
    ]


def in_order(stand: Stand, *, now: datetime) -> bool:
    """Whether the check finds nothing, once all is decided and sent."""
    stand.drain(now=now)
    send_due(stand, until=now)
    with reading(stand.bind) as session:
        found = findings(session, now=now, grace_seconds=0)
    assert found == [], found
    return True


def refused(stand: Stand, act: Any, *numbers: int) -> StateConflict:
    """The refusal; asserts that nothing was written about these parties."""
    before = facts(stand, *numbers)
    with pytest.raises(StateConflict) as raised:
        act()
    assert facts(stand, *numbers) == before
    return raised.value


def why(error: StateConflict) -> list[tuple[int, str]]:
    """The parties in the way, and why each stays."""
    assert isinstance(error, TableTaken)
    return [(party.reservation_id, party.why) for party in error.parties]
