"""Fifty concurrent requests with the same Idempotency-Key make one reservation."""

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from models.core.errors import KeyReused
from models.operations.reservations.booking import Accepted, request_reservation
from models.queries.floor.load import restaurant_by_id
from tests.race.scene import NOW, Scene, stage, wish_of
from tests.services.running.together import answers, together


def _ask(scene: Scene, body: bytes) -> Accepted:
    def work(session: Session) -> Accepted:
        restaurant = restaurant_by_id(session, scene.restaurant.id)
        return request_reservation(
            session.connection(), restaurant, request=wish_of(1), key="the-key", body=body, now=NOW
        )

    return scene.unit(work)


@pytest.mark.both
def test_one_key_makes_one_reservation(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with stage(db, monkeypatch) as scene:
        accepted = answers(together(lambda _: _ask(scene, b"the body"), range(50)))
        assert len({each.reservation_id for each in accepted}) == 1
        assert [each.replayed for each in accepted].count(False) == 1
        assert scene.statuses() == {"requested": 1}


@pytest.mark.both
def test_one_key_with_two_bodies_serves_the_first(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(db, monkeypatch) as scene:
        results = together(lambda n: _ask(scene, b"one" if n % 2 else b"two"), range(20))
        refused = [result for result in results if isinstance(result, KeyReused)]
        assert len(refused) == 10
        assert len(answers([each for each in results if each not in refused])) == 10
        assert scene.statuses() == {"requested": 1}
