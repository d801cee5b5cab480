"""Many changes into the last table: one is accepted, and every other party keeps its own."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models.entities import Reservation, ReservationChange, TableOccupancy
from models.rules.reservations.requests import TableChange
from tests.race.scene import APART, ONE_OFF, PAUSE, START, Safeguards, Scene, sells_twice, stage
from tests.services.running.together import answers, together

WISH = TableChange(starts_at=START)
#: three turns fit one table on each of the four evenings after START's
OTHER_STARTS = [
    START + timedelta(days=day, hours=hours) for day in range(1, 5) for hours in (-2, 0, 2)
]
QUARTERS = 6


def _seat_elsewhere(scene: Scene) -> list[int]:
    ids = [scene.request(number, start=start) for number, start in enumerate(OTHER_STARTS)]
    scene.drain()
    assert scene.statuses() == {"confirmed": len(OTHER_STARTS)}
    return ids


def _everybody_wants_to_start(scene: Scene, ids: list[int]) -> None:
    """All change requests arrive at the same time, while four workers decide."""

    def wish_or_decide(number: int) -> None:
        if number < len(ids):
            scene.change(ids[number], WISH)
        else:
            scene.drain()

    answers(together(wish_or_decide, range(len(ids) + 4)))
    scene.drain()


def _one_after_the_other(scene: Scene, ids: list[int]) -> None:
    """A change request every 30 ms, each with a worker, while the last worker still decides."""

    def wish_and_decide(number: int) -> None:
        time.sleep(APART * number)
        scene.change(ids[number], WISH)
        scene.drain()

    answers(together(wish_and_decide, range(len(ids))))
    scene.drain()


def _outcomes(scene: Scene) -> dict[str, int]:
    query = select(ReservationChange.status, func.count()).group_by(ReservationChange.status)
    with Session(scene.bind) as session:
        return dict(session.execute(query).all())


def _everybody_has_one_table(scene: Scene, parties: int) -> bool:
    with Session(scene.bind) as session:
        quarters = session.execute(
            select(TableOccupancy.reservation_id, func.count()).group_by(
                TableOccupancy.reservation_id
            )
        ).all()
        confirmed = session.scalar(select(func.count()).where(Reservation.status == "confirmed"))
    return confirmed == parties == len(quarters) and {each[1] for each in quarters} == {QUARTERS}


@pytest.mark.both
def test_one_change_gets_the_last_table(db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with stage(db, monkeypatch) as scene:
        ids = _seat_elsewhere(scene)
        _everybody_wants_to_start(scene, ids)
        assert _outcomes(scene) == {"accepted": 1, "refused": len(ids) - 1}
        assert (scene.sold(), scene.sold_twice()) == (1, [])
        assert _everybody_has_one_table(scene, len(ids))
        assert not scene.findings()


@pytest.mark.both
@pytest.mark.parametrize("safeguards", ONE_OFF)
def test_one_safeguard_alone_still_gives_it_once(
    db: Engine, monkeypatch: pytest.MonkeyPatch, safeguards: Safeguards
) -> None:
    with stage(db, monkeypatch, safeguards=safeguards, pause=PAUSE) as scene:
        _one_after_the_other(scene, _seat_elsewhere(scene)[:6])
        assert (scene.sold(), scene.sold_twice()) == (1, [])


@pytest.mark.both
def test_control_without_safeguards_several_changes_get_it(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(scene: Scene) -> None:
        _one_after_the_other(scene, _seat_elsewhere(scene)[:6])

    assert sells_twice(db, monkeypatch, act)


@pytest.mark.both
def test_of_many_wishes_of_one_party_the_last_counts(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(db, monkeypatch, tables={"1": ("hall", 1, 4), "2": ("hall", 1, 4)}) as scene:
        party = scene.request(1)
        scene.drain()

        def wish_or_decide(number: int) -> None:
            if number % 3:
                scene.change(party, TableChange(starts_at=START + timedelta(days=1 + number % 4)))
            else:
                scene.drain()

        together(wish_or_decide, range(12))  # some request what they have by now
        scene.drain()
        assert _everybody_has_one_table(scene, 1)
        assert "requested" not in _outcomes(scene)
        assert not scene.findings()
