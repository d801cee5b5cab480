"""Parties are moved for others while they cancel: a cancelled party holds no table."""

import time

import pytest
from sqlalchemy import Engine

from models.integrity.check import Finding
from tests.race.scene import APART, PAUSE, Safeguards, Scene, stage
from tests.services.running.together import answers, together

SMALL, LARGE = 4, 4
TABLES = {f"s{number}": ("hall", 1, 2) for number in range(SMALL)} | {
    f"l{number}": ("hall", 1, 4) for number in range(LARGE)
}


def _move_and_cancel(scene: Scene) -> None:
    """Parties of two hold the large tables; four parties of four request while those cancel."""
    twos = [scene.request(number) for number in range(SMALL + LARGE)]
    scene.drain()
    assert scene.statuses() == {"confirmed": SMALL + LARGE}
    for number in twos[:SMALL]:
        scene.cancel(number)
    scene.drain()
    for number in range(LARGE):
        scene.request(100 + number, 4)

    def act(number: int) -> None:
        time.sleep(APART * number)
        if number < LARGE:
            scene.drain(limit=1)
        else:
            scene.cancel(twos[SMALL + number - LARGE])

    answers(together(act, range(2 * LARGE)))
    scene.drain()


@pytest.mark.both
def test_a_party_cancelled_while_being_moved_holds_nothing(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(db, monkeypatch, tables=TABLES, pause=PAUSE / 4) as scene:
        _move_and_cancel(scene)
        assert scene.statuses() == {"cancelled": SMALL + LARGE, "confirmed": LARGE}
        assert not scene.sold_twice()
        assert not scene.findings()


@pytest.mark.mariadb
def test_control_without_the_lock_a_table_is_held_for_nobody(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Finding] = []
    for attempt in range(5):
        with (
            monkeypatch.context() as own,
            stage(
                db,
                own,
                tables=TABLES,
                safeguards=Safeguards(lock=False),
                pause=PAUSE,
                slug=f"control-{attempt}",
            ) as scene,
        ):
            _move_and_cancel(scene)
            found += scene.findings()
        if found:
            break
    print(found)
    assert {"occupancy-orphan"} <= {each.rule for each in found}
