"""Many rows in one statement arrive as they were given, on both databases."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, Table, delete, select
from sqlalchemy.orm import Session

from models.core.database.bulk import CHUNK, bulk_insert
from models.core.database.transactions import transaction
from models.entities import Message
from tests.services.counting import counting

pytestmark = pytest.mark.both

TABLE = cast("Table", Message.__table__)
NOW = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)


def row_of(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "restaurant_id": 1,
        "reservation_id": number,
        "reservation_revision": 2,
        "kind": "reminder",
        "channel": "email",
        "variant": 0,
        "state": "queued",
        "due_at": NOW,
        "attempts": 0,
        "claimed_until": None,
        "error": "",
        "created_at": NOW,
    } | changes


def kept(db: Engine, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    with transaction(db) as session:
        session.execute(delete(Message))
        bulk_insert(session, TABLE, rows)
    query = select(Message).order_by(Message.reservation_id)
    with Session(db) as session:
        return [{name: getattr(each, name) for name in rows[0]} for each in session.scalars(query)]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
MICROSECONDS = st.integers(-(10**15), 10**15)
MOMENTS = MICROSECONDS.map(lambda number: NOW + timedelta(microseconds=number))


@given(st.lists(st.tuples(TEXTS, MOMENTS, st.none() | MOMENTS), min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_rows_come_back_as_they_were(db: Engine, values: list[tuple[Any, ...]]) -> None:
    rows = [
        row_of(number, error=text, due_at=due, claimed_until=until)
        for number, (text, due, until) in enumerate(values)
    ]
    assert kept(db, rows) == rows


@pytest.mark.parametrize(
    "text", ["O'Neill", 'a "b"', "100 % %s %(x)s", "back\\slash", "?:name", "Zoë 🍷", "a\nb;--"]
)
def test_no_text_is_taken_for_anything_else(db: Engine, text: str) -> None:
    assert kept(db, [row_of(1, error=text)])[0]["error"] == text


def test_times_of_any_zone_are_kept_in_utc(db: Engine) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))
    [row] = kept(db, [row_of(1, due_at=there)])
    assert (row["due_at"], row["due_at"].utcoffset()) == (NOW, timedelta(0))


def test_true_is_not_mixed_up_with_one(db: Engine) -> None:
    rows = kept(db, [row_of(1, attempts=1), row_of(2, attempts=True), row_of(3, attempts=0)])
    assert [row["attempts"] for row in rows] == [1, 1, 0]


def test_thousands_of_rows_go_in_a_few_statements(db: Engine) -> None:
    rows = [row_of(number) for number in range(CHUNK + 1)]
    with counting(db) as statements:
        assert len(kept(db, rows)) == CHUNK + 1
    assert len(statements.of("INSERT")) == (1 if db.dialect.name == "sqlite" else 2)


def test_no_rows_cost_nothing(db: Engine) -> None:
    with counting(db) as statements, transaction(db) as session:
        bulk_insert(session, TABLE, [])
    assert statements.count == 0
