"""Each column of each hot table, corrupted in every way: the check reports it, or it is excused.

The columns are read from the mapped classes. A new one fails here until the check knows what
makes it wrong, or `EXCUSED` states why that cannot be detected.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatch
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, and_, null, select, type_coerce, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import JSON, String

from models.core.database.transactions import Base, make_engine
from models.entities import Message, ReservationChange, ReservationMove, ShiftDay
from models.operations.stand.arrivals import finish, seat
from tests.queries.evening import check, open_evening, send_due
from tests.queries.excuses import EXCUSED
from tests.queries.mutations import HOT, columns, mutations
from tests.services.running.restaurant import open_restaurant
from tests.services.running.schema import create_tables
from tests.services.running.stand import START, Stand

pytestmark = pytest.mark.slow

AT = START + timedelta(minutes=30)
PHONE = "+15550100"


def play(bind: Engine) -> tuple[Stand, dict[str, int]]:
    """An evening, half an hour in: parties later, waiting, seated, gone; two restaurants."""
    stand = open_evening(partial(open_restaurant, bind), bind)
    other = open_evening(partial(open_restaurant, bind), bind, slug="other")
    late, tomorrow = START + timedelta(hours=2), START + timedelta(days=1)
    named = {"sitting": stand.ask(2, phone=PHONE), "gone": stand.ask(2)}
    named["coming"] = stand.ask(3, start=late, area_key="hall", phone="+15550101")
    named["neighbour"] = stand.ask(4, start=late, phone="+15550102")
    stand.change(named["coming"], party_size=4)
    stand.change(named["coming"], party_size=8)
    named["tomorrow"] = stand.ask(5, start=tomorrow)
    for _ in range(3):
        named["waiting"] = stand.ask(6, start=late)
    named["called off"] = stand.ask(1, start=tomorrow)
    stand.cancel(named["called off"])
    named["declined"] = stand.ask(6, start=late, waitlist=False)
    named["by staff"] = stand.book(2, start=tomorrow)
    named["elsewhere"] = other.ask(2, start=late)
    for name in ("sitting", "gone"):
        stand.move(seat, named[name], now=START)
    stand.move(finish, named["gone"], now=AT)
    stand.drain(now=AT)
    send_due(stand, until=AT)
    assert check(stand, now=AT) == []
    return stand, named


@dataclass(frozen=True)
class Evening:
    """The evening in its database, and rows by the names that excuses use."""

    stand: Stand
    rows: dict[type[Base], dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def evening(
    backend: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Evening]:
    """Create the evening in its own database. Each test leaves it unchanged."""
    url = f"sqlite:///{tmp_path_factory.mktemp('evening') / 'restaurant.sqlite3'}"
    if backend != "sqlite":
        url = request.getfixturevalue("mariadb").new_database("evening")
    create_tables(url)
    bind = make_engine(url)
    stand, named = play(bind)
    yield Evening(stand, _rows(bind, named))
    bind.dispose()


def _rows(bind: Engine, named: dict[str, int]) -> dict[type[Base], dict[str, dict[str, Any]]]:
    """Return rows of each hot table by name: the named parties' rows, and shift days."""
    found: dict[type[Base], dict[str, dict[str, Any]]] = {}
    names = {number: name for name, number in named.items()}
    for entity in HOT:
        own = found[entity] = {}
        for row in _read(bind, entity):
            party = names.get(row.get("reservation_id", row.get("id", 0)))
            if entity is ShiftDay:
                own[f"{row['restaurant_id']} {row['service_date']}"] = row
            elif party is not None:
                own[_name(entity, row, party)] = row
    return found


def _name(entity: type[Base], row: dict[str, Any], party: str) -> str:
    more = {
        Message: ("kind", "state"),
        ReservationMove: ("after", "reason"),
        ReservationChange: ("status",),
    }.get(entity, ())
    return " ".join([party, *(str(row[name]) for name in more)])


def _read(bind: Engine, entity: type[Base]) -> list[dict[str, Any]]:
    table = entity.__table__
    plain = [
        type_coerce(column, String).label(column.name) if _is_json(column) else column
        for column in table.columns
    ]
    query = select(*plain).order_by(*table.primary_key)
    with bind.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def _is_json(column: Any) -> bool:
    return isinstance(column.type, JSON)


def _write(bind: Engine, table: Any, key: dict[str, Any], name: str, value: Any) -> bool:
    """Write directly, without any checks. Return whether the database accepted it."""
    is_key = and_(*[table.c[column] == part for column, part in key.items()])
    column = table.c[name]
    given = type_coerce(value, String) if _is_json(column) and value is not None else value
    if _is_json(column) and value is None:
        given = null()
    try:
        with bind.begin() as connection:
            connection.execute(update(table).where(is_key).values({name: given}))
    except (DBAPIError, OverflowError):
        return False
    return True


#: Rows of these parties are corrupted. The other parties serve as wrong values for them.
SPOILT = ("sitting", "gone", "coming", "waiting", "tomorrow", "by staff", "declined")


@pytest.mark.both
@pytest.mark.parametrize(
    ("entity", "column"),
    columns(),
    ids=[f"{each.__tablename__}.{name}" for each, name in columns()],
)
def test_a_spoilt_column_is_found_or_excused(
    evening: Evening, entity: type[Base], column: str
) -> None:
    table: Any = entity.__table__
    keys = [each.name for each in table.primary_key]
    rows, silent = evening.rows[entity], set()
    for name, row in rows.items():
        if entity is not ShiftDay and not name.startswith(SPOILT):
            continue
        others = {f"that of {each}": other[column] for each, other in _others(rows, name)}
        for mutation, value in mutations(table.c[column], row[column], others):
            if value == row[column]:
                continue
            key = {part: row[part] for part in keys}
            if not _write(evening.stand.bind, table, key, column, value):
                continue  # the database itself refuses it
            if not check(evening.stand, now=AT):
                silent.add((name, mutation))
            moved = {part: value if part == column else row[part] for part in keys}
            assert _write(evening.stand.bind, table, moved, column, row[column])
    excuses = EXCUSED.get(f"{entity.__tablename__}.{column}", {})
    left = {each for each in silent if not _excused(excuses, *each)}
    assert not left, f"{entity.__tablename__}.{column}: nothing is said of {sorted(left)}"


def _others(rows: dict[str, Any], name: str) -> list[tuple[str, Any]]:
    wanted = ("neighbour", "elsewhere", "tomorrow", "coming")
    found = [(other, row) for other, row in rows.items() if other != name]
    picked = [next((each for each in found if each[0].startswith(want)), None) for want in wanted]
    return [each for each in picked if each is not None] or found[:3]


def _excused(excuses: dict[str, str], row: str, mutation: str) -> bool:
    return any(
        fnmatch(mutation, wanted.partition(" @ ")[0])
        and fnmatch(row, wanted.partition(" @ ")[2] or "*")
        for wanted in excuses
    )


def test_every_excuse_is_for_a_column_that_there_is() -> None:
    there = {f"{entity.__tablename__}.{column}" for entity, column in columns()}
    assert EXCUSED.keys() <= there
    assert all(reason for excuses in EXCUSED.values() for reason in excuses.values())


def test_the_evening_is_left_as_it_was(evening: Evening) -> None:
    assert check(evening.stand, now=AT) == []
