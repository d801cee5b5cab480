"""Whatever was done or omitted at the stand, every party reaches a final state.

Arbitrary sequences of verbs, then some days of the scheduler's own jobs, taken from its table.
"""

import itertools
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading
from models.entities import Assignment, Reservation, Restaurant, SeatedTable
from models.integrity.check import findings
from models.rules.reservations.lifecycle import ENDED, Status
from tests.operations.deciding.verbs import STEPS, Evening, published, run_clock, step
from tests.operations.evenings import a_stand
from tests.queries.evening import send_due
from tests.services.running.stand import START, Stand

TABLES = {"1": ("hall", 1, 2), "2": ("hall", 1, 2), "3": ("hall", 1, 4)}
KEEP_DAYS = 7
#: everybody is erased by then: the book's day is over, and so is the retention period
LATER = timedelta(days=KEEP_DAYS + 3)
_slugs = itertools.count(1)

steps = st.lists(
    st.tuples(
        st.sampled_from(sorted(STEPS)),
        st.integers(0, 5),
        st.integers(-60, 600),
    ),
    min_size=4,
    max_size=16,
)
#: guests may ask and join the list at the door at the last moment
NEAR = {"lead_minutes": 0, "door_online": True, "approval_minutes": 60}
#: `approve_from`: the smallest party that the staff must approve; 0: none
chosen = st.fixed_dictionaries(
    {"auto_no_show": st.booleans(), "auto_finish": st.booleans(), "approve_from": st.integers(0, 2)}
)

APPROVING = {"auto_no_show": True, "auto_finish": True, "approve_from": 1}


def open_evening(db: Engine, slug: str, policies: Mapping[str, Any]) -> Evening:
    """A restaurant with these policies, and two parties that have asked."""
    given = {name: value for name, value in policies.items() if name != "approve_from"}
    stand = a_stand(db, slug=slug, tables=TABLES, policies=given)
    if least := policies.get("approve_from"):
        rules = {"approvals": [{"min_party": least}]}
        stand.plant(
            update(Restaurant)
            .where(Restaurant.id == stand.restaurant.id)
            .values(day_rules=rules, revision=Restaurant.revision + 1)
        )
    return Evening(stand, [stand.ask(2), stand.ask(2)])


def assert_requests_wait(stand: Stand, what: str, now: datetime) -> None:
    """A request holds a table until it is answered, or until its time is over."""
    row = Reservation
    query = select(row, Assignment.reservation_id).outerjoin(
        Assignment, Assignment.reservation_id == row.id
    )
    mine = query.where(
        row.restaurant_id == stand.restaurant.id,
        row.approve_by.is_not(None),
        row.status == Status.CONFIRMED,
    )
    with Session(stand.bind) as session:
        for waits, given in session.execute(mine):
            assert waits.shown_status is Status.REQUESTED and given is not None
            assert waits.approve_by is not None and waits.approve_by <= waits.starts_at
            assert what != "the clock" or waits.approve_by > now


def assert_one_party_a_table(stand: Stand) -> None:
    with Session(stand.bind) as session:
        sits = session.execute(
            select(Assignment.dining_table_id, Assignment.reservation_id)
            .join(Reservation, Reservation.id == Assignment.reservation_id)
            .where(Reservation.status == Status.SEATED)
        ).all()
        rows = session.execute(select(SeatedTable.dining_table_id, SeatedTable.reservation_id))
        assert sorted(map(tuple, rows)) == sorted(map(tuple, sits))
    assert max(Counter(table for table, _ in sits).values(), default=0) <= 1


def test_every_verb_of_the_api_is_a_step() -> None:
    assert {each.verb for each in STEPS.values() if each.verb} == published()


@pytest.mark.slow
@pytest.mark.both
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=steps, policies=chosen)
@example(
    script=[("wish", 0, -60), ("wish", 1, -50), ("wish", 0, -40), ("wish", 5, -30)],
    policies={"auto_no_show": False, "auto_finish": False},
)
@example(
    script=[("book", 0, 152), ("seat", 4, -4), ("ask", 0, 1), ("ask", 5, 454), ("ask", 1, -9)],
    policies={"auto_no_show": True, "auto_finish": False},
)
@example(
    script=[("cancel", 0, -60), ("book", 0, 300), ("the clock", 0, 600), ("ask", 3, 20)],
    policies={"auto_no_show": False, "auto_finish": False},
)
@example(
    script=[("ask", 4, 60), ("ask", 4, 60), ("ask", 4, 60), ("no-show", 0, 61), ("ask", 0, 62)],
    policies={"auto_no_show": False, "auto_finish": False},
)
@example(
    script=[("ask", 0, -60)] * 4 + [("arrive", 0, 0), ("seat", 1, 5)],
    policies={"auto_no_show": False, "auto_finish": False},
)
@example(
    script=[("ask", 0, -60), ("no-show", 0, 20), ("ask", 0, 25), ("arrive", 0, 300)],
    policies={"auto_no_show": True, "auto_finish": True},
)
@example(  # approved, and its time to answer is over; the other is left to the clock
    script=[("approve", 0, -100), ("the clock", 0, -30), ("take back", 0, -29)],
    policies=APPROVING,
)
@example(  # declined and taken back, then left to the clock, then too late
    script=[("decline", 0, -60), ("take back", 0, -50), ("the clock", 0, 40), ("take back", 0, 41)],
    policies=APPROVING,
)
@example(  # declined, and another party got its table
    script=[("decline", 0, -60), ("book", 0, -59), ("book", 1, -58), ("take back", 0, -50),
            ("decline", 1, -40), ("take back", 0, -39), ("approve", 0, -38)],
    policies=APPROVING,
)  # fmt: skip
@example(  # seated: it needs no answer any more
    script=[("seat", 0, -10), ("decline", 0, -9), ("take back", 0, -8), ("the clock", 0, 5)],
    policies=APPROVING,
)
def test_everybody_has_an_end_and_is_forgotten(
    db: Engine,
    monkeypatch: pytest.MonkeyPatch,
    script: list[tuple[str, int, int]],
    policies: dict[str, int],
) -> None:
    kept = {"keep_guests_days": KEEP_DAYS, "reminder_minutes": []} | NEAR
    evening = open_evening(db, f"restaurant-{next(_slugs)}", kept | policies)
    stand = evening.stand
    for what, which, minute in sorted(script, key=lambda each: each[2]):
        now = START + timedelta(minutes=minute)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        step(evening, what, which, now)
        assert_one_party_a_table(stand)
        assert_requests_wait(stand, what, now)
    for later in (timedelta(days=1, hours=12), LATER, LATER + timedelta(hours=1)):
        now = START + later
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        run_clock(stand, now)
        send_due(stand, until=now)
    with Session(stand.bind) as session:
        rows = session.scalars(
            select(Reservation).where(Reservation.restaurant_id == stand.restaurant.id)
        ).all()
    assert {row.status for row in rows} <= ENDED
    assert [row.id for row in rows if row.forgotten_at is None] == []
    with reading(stand.bind) as session:
        assert findings(session, now=now, grace_seconds=0) == []
