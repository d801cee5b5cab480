"""`maitred check` knows the list at the door: it reports each planted fault."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, update

from models.entities import DoorEntry, Reservation
from models.operations.door.calling import call_to_table
from tests.operations.door.evening import door_stand, minutes, wait
from tests.queries.evening import check, send_due
from tests.services.running.stand import START, Stand

pytestmark = pytest.mark.both

HOUR = timedelta(hours=1)
FAULTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "another restaurant": ({"restaurant_id": 999_999}, {"reference"}),
    "half a quote": ({"quoted_low": None}, {"row"}),
    "a quote upside down": ({"quoted_low": 5, "quoted_high": 0}, {"row"}),
    "joined before it was there": ({"joined_at": START - HOUR}, {"row"}),
    "placed before it joined": ({"place_at": START - HOUR}, {"row"}),
    "served before it joined": ({"served_at": START - HOUR}, {"row"}),
    "called without tables": ({"ready_tables": None}, {"row"}),
    "called without an end": ({"ready_until": None}, {"row", "occupancy-orphan"}),
    "called and missed": ({"missed_at": START}, {"row"}),
    "called at a later revision": ({"ready_revision": 99}, {"row"}),
}


def called_party(db: Engine) -> tuple[Stand, int]:
    stand = door_stand(db)
    number = wait(stand, phone="+15550100")
    stand.move(call_to_table, number, now=minutes(1))
    send_due(stand, until=minutes(2))
    assert check(stand, now=minutes(2)) == []
    return stand, number


def rules(stand: Stand, number: int, *, minute: float = 2) -> set[str]:
    found = check(stand, now=minutes(minute))
    assert all(each.ids == (number,) for each in found)
    return {each.rule for each in found}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(db: Engine, fault: str) -> None:
    stand, number = called_party(db)
    values, broken = FAULTS[fault]
    stand.plant(update(DoorEntry).values(values))
    assert rules(stand, number) == broken


def test_a_missing_entry_and_a_missing_source_are_found(db: Engine) -> None:
    stand, number = called_party(db)
    stand.plant(update(Reservation).values(source="staff"))
    assert rules(stand, number) == {"row"}
    stand.plant(update(Reservation).values(source="door"), delete(DoorEntry))
    assert rules(stand, number) == {"reference", "occupancy-orphan"}


def test_a_call_that_nobody_followed_up_is_found(db: Engine) -> None:
    stand, number = called_party(db)
    assert rules(stand, number, minute=69) == set()
    assert rules(stand, number, minute=72) == {"overdue"}
