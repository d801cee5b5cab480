"""Two stands act on the list at the door at once: one call a table, one entry a contact."""

import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session

from models.core.errors import StateConflict
from models.entities import DoorEntry
from models.operations.door.calling import call_to_table
from models.operations.door.joining import DoorRequest, join
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.requests import GuestDetails
from tests.race.scene import BOTH_OFF, PAUSE, START, UNPACED, Scene, stage
from tests.services.running.together import together

CALLERS = 6
TABLES = {"1": ("hall", 1, 2), "2": ("hall", 1, 2)}
Act = Callable[[Scene], list[int]]


def enter(scene: Scene, phone: str | None = None) -> int:
    """Join the list; return the reservation's id."""
    guest = GuestDetails("Ada", phone=phone)

    def work(session: Session) -> int:
        return join(
            session,
            restaurant_by_id(session, scene.restaurant.id),
            request=DoorRequest(2, guest),
            key=uuid.uuid4().hex,
            body=b"x",
            now=START,
            actor="staff:1",
        ).reservation_id

    return scene.unit(work)


def everybody_is_called_to_one_table(scene: Scene) -> list[int]:
    """Call every party to table 1 concurrently; return how many were called to each table."""
    ids, table = [enter(scene) for _ in range(CALLERS)], scene.restaurant.tables["1"]

    def call(number: int) -> None:
        scene.unit(
            lambda session: call_to_table(
                session, number, now=START, actor="staff:1", tables=(table,)
            )
        )

    check(together(call, ids))
    with Session(scene.bind) as session:
        query = select(DoorEntry.ready_tables).where(
            DoorEntry.restaurant_id == scene.restaurant.id, DoorEntry.ready_until.is_not(None)
        )
        called = Counter(table for tables in session.scalars(query) for table in tables or ())
    return list(called.values())


def one_contact_joins_from_everywhere(scene: Scene) -> list[int]:
    """Join with one contact concurrently; return how many entries that made."""
    check(together(lambda _: enter(scene, "+15550100"), range(CALLERS)))
    with Session(scene.bind) as session:
        query = select(func.count()).where(DoorEntry.restaurant_id == scene.restaurant.id)
        return [session.scalar(query) or 0]


def check(results: list[Any]) -> None:
    for result in results:
        assert result is None or isinstance(result, int | StateConflict), result


ACTS = pytest.mark.parametrize(
    "act", [everybody_is_called_to_one_table, one_contact_joins_from_everywhere]
)


@pytest.mark.both
@ACTS
def test_it_happens_once(db: Engine, monkeypatch: pytest.MonkeyPatch, act: Act) -> None:
    with stage(db, monkeypatch, tables=TABLES, policies=UNPACED) as scene:
        assert act(scene) == [1]


@pytest.mark.both
@ACTS
def test_control_without_the_lock_it_happens_several_times(
    db: Engine, monkeypatch: pytest.MonkeyPatch, act: Act
) -> None:
    for attempt in range(5):
        slug = f"control-{attempt}"
        with (
            monkeypatch.context() as own,
            stage(
                db, own, safeguards=BOTH_OFF, slug=slug, tables=TABLES, policies=UNPACED
            ) as scene,
        ):
            pause_after_reading_the_list(scene.bind)
            if max(act(scene)) > 1:
                return
    pytest.fail("the race did not happen")


def pause_after_reading_the_list(bind: Engine) -> None:
    def pause(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "door_entries" in statement and statement.startswith("SELECT"):
            time.sleep(PAUSE)

    event.listen(bind, "after_cursor_execute", pause)
