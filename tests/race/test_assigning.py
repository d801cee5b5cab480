"""Hosts lock several parties to the same table concurrently: one party gets it."""

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.entities import Assignment, Reservation
from models.operations.tables.assigning import assign_tables
from tests.race.scene import NOW, ONE_OFF, Safeguards, Scene, sells_twice, stage
from tests.services.running.together import together

PARTIES = 8
#: a small table for each party, and a window table that all of them are to have
TABLES = {"window": ("hall", 3, 6)} | {str(n): ("hall", 1, 2) for n in range(PARTIES)}


def _assign(scene: Scene, reservation_id: int) -> None:
    window = (scene.restaurant.tables["window"],)
    scene.unit(
        lambda session: assign_tables(
            session, reservation_id, table_ids=window, now=NOW, actor="staff:1", lock=True
        )
    )


def _everybody_to_the_window(scene: Scene) -> list[int]:
    """Lock all parties to the window table concurrently; return those that got it."""
    ids = [scene.request(number) for number in range(PARTIES)]
    scene.drain()
    assert scene.statuses() == {"confirmed": PARTIES}
    results = together(lambda number: _assign(scene, number), ids)
    for result in results:
        assert result is None or isinstance(result, StateConflict), result
    return [number for number, result in zip(ids, results, strict=True) if result is None]


def _at_the_window(scene: Scene) -> list[int]:
    window = scene.restaurant.tables["window"]
    query = (
        select(Reservation.id)
        .join(Assignment, Assignment.reservation_id == Reservation.id)
        .where(Assignment.dining_table_id == window)
    )
    with Session(scene.bind) as session:
        return sorted(session.scalars(query))


@pytest.mark.both
def test_one_party_gets_the_window(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with stage(db, monkeypatch, tables=TABLES) as scene:
        got = _everybody_to_the_window(scene)
        assert (_at_the_window(scene), len(got), scene.sold_twice()) == (got, 1, [])
        assert scene.findings() == []


@pytest.mark.both
@pytest.mark.parametrize("safeguards", ONE_OFF)
def test_one_safeguard_alone_still_gives_it_to_one(
    db: Engine, monkeypatch: pytest.MonkeyPatch, safeguards: Safeguards
) -> None:
    with stage(db, monkeypatch, tables=TABLES, safeguards=safeguards, pause=0.05) as scene:
        got = _everybody_to_the_window(scene)
        assert (_at_the_window(scene), len(got), scene.sold_twice()) == (got, 1, [])


@pytest.mark.both
def test_control_without_safeguards_several_parties_get_it(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sells_twice(db, monkeypatch, _everybody_to_the_window, tables=TABLES)
