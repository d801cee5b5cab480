"""Hosts seat several parties at the same table concurrently: one party sits there."""

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.entities import Assignment, Reservation
from tests.race.scene import ONE_OFF, Safeguards, Scene, sells_twice, stage
from tests.services.running.together import together

PARTIES = 8
#: a small table for each party, and a window table that all of them request
TABLES = {"window": ("hall", 3, 6)} | {str(n): ("hall", 1, 2) for n in range(PARTIES)}


def _everybody_to_the_window(scene: Scene) -> tuple[list[int], list[int]]:
    """Seat all parties at the window table concurrently: those seated, and those refused."""
    ids = [scene.request(number) for number in range(PARTIES)]
    scene.drain()
    assert scene.statuses() == {"confirmed": PARTIES}
    window = scene.restaurant.tables["window"]
    results = together(lambda number: scene.seat(number, at=window), ids)
    for result in results:
        assert result is None or isinstance(result, StateConflict), result
    sat = [number for number, result in zip(ids, results, strict=True) if result is None]
    return sat, [number for number in ids if number not in sat]


def _at_the_window(scene: Scene) -> list[int]:
    query = (
        select(Reservation.id)
        .join(Assignment, Assignment.reservation_id == Reservation.id)
        .where(
            Reservation.status == "seated",
            Assignment.dining_table_id == scene.restaurant.tables["window"],
        )
    )
    with Session(scene.bind) as session:
        return sorted(session.scalars(query))


@pytest.mark.both
def test_one_party_sits_at_the_window(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with stage(db, monkeypatch, tables=TABLES) as scene:
        sat, refused = _everybody_to_the_window(scene)
        assert len(sat) == 1
        assert _at_the_window(scene) == sat
        assert scene.statuses() == {"confirmed": len(refused), "seated": 1}
        assert not scene.sold_twice()


@pytest.mark.both
@pytest.mark.parametrize("safeguards", ONE_OFF)
def test_one_safeguard_alone_still_seats_one(
    db: Engine, monkeypatch: pytest.MonkeyPatch, safeguards: Safeguards
) -> None:
    with stage(db, monkeypatch, tables=TABLES, safeguards=safeguards, pause=0.05) as scene:
        sat, _refused = _everybody_to_the_window(scene)
        assert (_at_the_window(scene), len(sat), scene.sold_twice()) == (sat, 1, [])


@pytest.mark.both
def test_control_without_safeguards_several_parties_sit_there(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sells_twice(db, monkeypatch, _everybody_to_the_window, tables=TABLES)
