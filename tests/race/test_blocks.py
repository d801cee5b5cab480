"""A table is blocked while guests book it: no party is given a blocked table."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.operations.evening.blocks import Quarters, block_tables
from models.queries.floor.load import restaurant_by_id
from models.rules.restaurant.sittings import quarter_of
from tests.race.scene import BOTH_OFF, NOW, PAUSE, START, Scene, stage
from tests.services.running.together import together

ROUNDS = 6


def _block(scene: Scene) -> None:
    """Block the only table; refused if a party got it before."""
    first = quarter_of(START) - 4

    def work(session: Session) -> None:
        restaurant = restaurant_by_id(session, scene.restaurant.id)
        block_tables(
            session,
            restaurant,
            tables=(scene.restaurant.tables["1"],),
            span=Quarters(first, first + 20),
            reason="rain",
            move=False,
            now=NOW,
            actor="staff:1",
        )

    with suppress(StateConflict):
        scene.unit(work)


def _booking_beside_block(scene: Scene) -> list[str]:
    """Decide a request while the table is blocked; return the rules that are broken after it."""
    scene.request(1)
    acts: list[Callable[[], object]] = [scene.drain, lambda: _block(scene)]
    for result in together(lambda number: acts[number](), [0, 1]):
        assert not isinstance(result, Exception), result
    return [each.rule for each in scene.findings() if each.rule == "blocked"]


@pytest.mark.both
@pytest.mark.parametrize("attempt", range(ROUNDS))
def test_a_booking_beside_a_block_gets_another_table_or_none(
    db: Engine, monkeypatch: pytest.MonkeyPatch, attempt: int
) -> None:
    with stage(db, monkeypatch, pause=0.02 * attempt) as scene:
        assert _booking_beside_block(scene) == []
        assert sum(scene.statuses().values()) == 1


@pytest.mark.both
def test_control_without_the_lock_a_booking_gets_a_blocked_table(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for attempt in range(5):
        with (
            monkeypatch.context() as own,
            stage(db, own, safeguards=BOTH_OFF, pause=PAUSE, slug=f"control-{attempt}") as scene,
        ):
            if _booking_beside_block(scene):
                return
    pytest.fail("the race did not happen")
