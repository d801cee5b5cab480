"""Cancelled tables go to the waitlist: each once, in order of arrival."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models.entities import Message, Reservation, TableOccupancy
from models.rules.reservations.requests import TableChange
from tests.race.scene import APART, ONE_OFF, PAUSE, START, Safeguards, Scene, sells_twice, stage
from tests.services.running.together import answers, together

TABLES = {str(number): ("hall", 1, 2) for number in range(1, 5)}
WAITING = 8


def _full_restaurant(scene: Scene) -> tuple[list[int], list[int]]:
    """Every table is taken at START, and eight parties wait."""
    seated = [scene.request(number) for number in range(len(TABLES))]
    scene.drain()
    waiting = [scene.request(100 + number, waitlist=True) for number in range(WAITING)]
    scene.drain()
    assert scene.statuses() == {"confirmed": len(TABLES), "waitlisted": WAITING}
    return seated, waiting


def _confirmed(scene: Scene, ids: list[int]) -> list[int]:
    query = select(Reservation.id).where(Reservation.id.in_(ids), Reservation.status == "confirmed")
    with Session(scene.bind) as session:
        return sorted(session.scalars(query))


def _cancel_and_promote(scene: Scene, seated: list[int]) -> None:
    """A cancellation every 30 ms, each followed immediately by a worker's round."""

    def cancel_and_decide(number: int) -> None:
        time.sleep(APART * number)
        scene.cancel(seated[number])
        scene.drain()

    answers(together(cancel_and_decide, range(len(seated))))
    scene.drain()


@pytest.mark.both
def test_each_freed_table_goes_to_the_next_in_line_once(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage(db, monkeypatch, tables=TABLES) as scene:
        seated, waiting = _full_restaurant(scene)

        def cancel_or_decide(number: int) -> None:
            if number < len(seated):
                scene.cancel(seated[number])
            else:
                scene.drain()

        answers(together(cancel_or_decide, range(len(seated) + 4)))
        scene.drain()
        assert _confirmed(scene, waiting) == waiting[: len(seated)]
        assert scene.statuses() == {"cancelled": 4, "confirmed": 4, "waitlisted": 4}
        assert not scene.sold_twice()
        assert _told(scene, waiting[: len(seated)]) == dict.fromkeys(waiting[:4], 1)
        assert not scene.findings()


def _told(scene: Scene, ids: list[int]) -> dict[int, int]:
    """The number of confirmations of each."""
    query = (
        select(Message.reservation_id, func.count())
        .where(Message.reservation_id.in_(ids), Message.kind == "confirmation")
        .group_by(Message.reservation_id)
    )
    with Session(scene.bind) as session:
        return dict(session.execute(query).all())


@pytest.mark.both
@pytest.mark.parametrize("safeguards", ONE_OFF)
def test_one_safeguard_alone_still_promotes_once(
    db: Engine, monkeypatch: pytest.MonkeyPatch, safeguards: Safeguards
) -> None:
    with stage(db, monkeypatch, tables=TABLES, safeguards=safeguards, pause=PAUSE) as scene:
        seated, waiting = _full_restaurant(scene)
        _cancel_and_promote(scene, seated)
        assert len(_confirmed(scene, waiting)) <= len(seated)
        assert not scene.sold_twice()


@pytest.mark.both
def test_control_without_safeguards_a_freed_table_is_promised_twice(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(scene: Scene) -> None:
        seated, _waiting = _full_restaurant(scene)
        _cancel_and_promote(scene, seated)

    assert sells_twice(db, monkeypatch, act, tables=TABLES)


@pytest.mark.both
def test_a_promoted_party_that_also_wished_to_change_has_one_table(
    db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change request and the freed table meet in one round of decisions."""
    with stage(db, monkeypatch, tables=TABLES) as scene:
        seated, waiting = _full_restaurant(scene)
        scene.change(waiting[0], TableChange(starts_at=START + timedelta(days=1)))
        scene.cancel(seated[0])
        scene.drain()
        scene.drain()
        with Session(scene.bind) as session:
            party = session.get_one(Reservation, waiting[0])
            quarters = session.scalars(
                select(TableOccupancy.quarter_hour).where(
                    TableOccupancy.reservation_id == waiting[0]
                )
            ).all()
        assert (party.status, party.starts_at) == ("confirmed", START + timedelta(days=1))
        first = int(party.starts_at.timestamp()) // 900
        assert sorted(quarters) == list(range(first, first + 6))
        assert _confirmed(scene, waiting) == waiting[:2]
        assert not scene.findings()
