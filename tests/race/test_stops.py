"""Online booking is stopped while guests book: nobody is confirmed after the stop."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from models.entities import BookLimit, Reservation
from models.operations.evening.limits import sittings_of, stop_online
from models.queries.floor.load import restaurant_by_id
from models.rules.restaurant.sittings import quarter_of
from tests.race.scene import BOTH_OFF, NOW, PAUSE, START, Scene, stage
from tests.services.running.together import together

ROUNDS = 6


def _stop(scene: Scene, seen: list[set[int]]) -> None:
    """Stop online booking, and note who was confirmed when the stop was made."""

    def work(session: Session) -> set[int]:
        restaurant = restaurant_by_id(session, scene.restaurant.id)
        stop_online(
            session,
            restaurant,
            sittings_of(restaurant, START.date(), None),
            first=quarter_of(START),
            covers=0,
            reason="",
            now=NOW,
            actor="staff:1",
        )
        return _confirmed(session)

    seen.append(scene.unit(work))


def _confirmed(session: Session) -> set[int]:
    return set(session.scalars(select(Reservation.id).where(Reservation.status == "confirmed")))


def _pause_after_limits(scene: Scene, seconds: float) -> None:
    """Delay a decision between reading the limits and writing what it decided."""

    def pause(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "FROM book_limits" in statement and "UNION ALL" in statement:
            time.sleep(seconds)

    event.listen(scene.bind, "after_cursor_execute", pause)


def _confirmed_after_stop(scene: Scene, pause: float) -> set[int]:
    """Decide a request beside a stop; return who was confirmed after the stop."""
    scene.request(1)
    _pause_after_limits(scene, pause)
    seen: list[set[int]] = []
    acts: list[Callable[[], object]] = [scene.drain, lambda: _stop(scene, seen)]
    for result in together(lambda number: acts[number](), [0, 1]):
        assert not isinstance(result, Exception), result
    with Session(scene.bind) as session:
        assert session.scalar(select(BookLimit.covers)) == 0
        return _confirmed(session) - seen[-1]


@pytest.mark.both
@pytest.mark.parametrize("attempt", range(ROUNDS))
def test_a_booking_beside_a_stop_comes_before_it_or_not_at_all(
    db: Engine, monkeypatch: pytest.MonkeyPatch, attempt: int
) -> None:
    with stage(db, monkeypatch) as scene:
        assert _confirmed_after_stop(scene, 0.02 * attempt) == set()
        assert [each.rule for each in scene.findings() if each.rule == "limited"] == []


@pytest.mark.both
def test_control_without_the_lock_a_party_is_confirmed_after_the_stop(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for attempt in range(5):
        with (
            monkeypatch.context() as own,
            stage(db, own, safeguards=BOTH_OFF, slug=f"control-{attempt}") as scene,
        ):
            if _confirmed_after_stop(scene, 3 * PAUSE):
                return
    pytest.fail("the race did not happen")
