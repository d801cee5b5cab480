"""Whatever was done or omitted at the stand, every party reaches a final state.

Arbitrary sequences of verbs, then some days of the scheduler's own jobs, taken from its table.
"""

import itertools
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading
from models.entities import Assignment, Reservation, SeatedTable
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
NEAR = {"lead_minutes": 0, "door_online": True}
chosen = st.fixed_dictionaries({"auto_no_show": st.booleans(), "auto_finish": st.booleans()})


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
def test_everybody_has_an_end_and_is_forgotten(
    db: Engine,
    monkeypatch: pytest.MonkeyPatch,
    script: list[tuple[str, int, int]],
    policies: dict[str, bool],
) -> None:
    kept = {"keep_guests_days": KEEP_DAYS, "reminder_minutes": []} | NEAR
    stand = a_stand(db, slug=f"restaurant-{next(_slugs)}", tables=TABLES, policies=kept | policies)
    evening = Evening(stand, [stand.ask(2), stand.ask(2)])
    for what, which, minute in sorted(script, key=lambda each: each[2]):
        now = START + timedelta(minutes=minute)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        step(evening, what, which, now)
        assert_one_party_a_table(stand)
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
