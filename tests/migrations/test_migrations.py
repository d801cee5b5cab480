"""Up from nothing, down to nothing; in between the tables equal those of the mapped classes."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.orm import Session

import models.entities  # noqa: F401  (fills the metadata)
from models import migrations
from models.core.database.transactions import Base, make_engine
from models.entities.reservations import Reservation
from models.entities.sealed_guest import Guest
from tests.services.running.surroundings import environment
from tests.services.servers.mariadb import MariaDB

STEPS = sorted((migrations.FOLDER / "versions").glob("[0-9]*.py"))


@pytest.fixture
def empty(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database without tables."""
    if backend == "sqlite":
        url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    else:
        server: MariaDB = request.getfixturevalue("mariadb")
        url = server.new_database("migrations")
    bind = make_engine(url, pool_size=4)
    yield bind
    bind.dispose()


def _downgrade(engine: Engine, *, revision: str = "base") -> None:
    """Undo every step after `revision`, with its data. No command of Maitred does this."""
    command.downgrade(migrations._config(engine), revision)


@pytest.mark.both
def test_migrations_make_what_the_classes_say(empty: Engine) -> None:
    migrations.upgrade(empty)
    assert migrations.current(empty) == migrations.head()
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.both
def test_down_to_nothing_and_up_again(empty: Engine) -> None:
    migrations.upgrade(empty)
    _downgrade(empty)
    assert set(inspect(empty).get_table_names()) <= {"alembic_version"}
    migrations.upgrade(empty)
    assert migrations.current(empty) == migrations.head()


@pytest.mark.both
def test_a_second_run_does_nothing(empty: Engine) -> None:
    migrations.upgrade(empty)
    migrations.upgrade(empty)
    assert migrations.current(empty) == migrations.head()


GUESTS: list[tuple[str, str, str | None, str | None, str]] = [
    ("AAAA2222", "Ada Lovelace", "ada@guests.example", "+4930123", "nuts"),
    ("BBBB2222", "Bo", None, None, ""),
]


@pytest.mark.both
def test_guests_are_sealed_on_the_way_up_and_opened_on_the_way_down(
    empty: Engine, service_env: dict[str, str]
) -> None:
    migrations.upgrade(empty, revision="0021")
    plain = text("SELECT reference, guest_name, guest_email, guest_phone, note FROM reservations")
    with empty.begin() as connection:
        for number, (reference, name, email, phone, note) in enumerate(GUESTS):
            connection.execute(
                _OLD_ROW,
                {
                    **_OLD,
                    "reference": reference,
                    "name": name,
                    "email": email,
                    "phone": phone,
                    "note": note,
                    "id": number + 1,
                },
            )
    migrations.upgrade(empty)
    with Session(empty) as session:
        found = session.scalars(select(Reservation).order_by(Reservation.id)).all()
        guests = [(row.reference, row.guest) for row in found]
    assert guests == [(each[0], Guest(*each[1:])) for each in GUESTS]
    _downgrade(empty, revision="0021")
    with empty.connect() as connection:
        assert [tuple(row) for row in connection.execute(plain)] == GUESTS


_OLD = {"at": datetime(2026, 3, 6, 18, tzinfo=UTC).replace(tzinfo=None)}
_OLD_ROW = text(
    "INSERT INTO reservations (id, reference, restaurant_id, book_id, status, revision, party_size,"
    " starts_at, ends_at, waitlist, source, pacing_forced, guest_name, guest_email, guest_phone,"
    " guest_locale, note, awaited, created_at) VALUES (:id, :reference, 1, 1, 'confirmed', 1, 2,"
    " :at, :at, 1, 'online', 0, :name, :email, :phone, 'en', :note, 0, :at)"
)


@pytest.mark.mariadb
def test_two_at_once_wait_for_each_other(empty: Engine, tmp_path: Path) -> None:
    values = environment(tmp_path, database_url=empty.url.render_as_string(hide_password=False))
    both = [
        subprocess.Popen([sys.executable, "-m", "deploy.database"], env=os.environ | values)
        for _ in range(2)
    ]
    assert [child.wait(60) for child in both] == [0, 0]
    assert migrations.current(empty) == migrations.head()


@pytest.mark.mariadb
def test_tables_are_innodb_and_keep_every_character_apart(empty: Engine) -> None:
    migrations.upgrade(empty)
    with empty.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT table_name, engine, table_collation FROM information_schema.tables "
            "WHERE table_schema = DATABASE()"
        ).all()
    assert {name for name, *_ in rows} == {*Base.metadata.tables, "alembic_version"}
    assert {(engine, collation) for _name, engine, collation in rows} == {("InnoDB", "utf8mb4_bin")}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.stem)
def test_a_step_makes_one_table_or_one_change(step: Path) -> None:
    """MySQL commits each DDL statement, so a step that fails half-way must not have two to undo."""
    tree = ast.parse(step.read_text(encoding="utf-8"))
    body = next(
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"
    )
    calls = [
        node.func.attr
        for node in ast.walk(body)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "op"
    ]
    changes = [
        name for name in calls if not (calls[0] == "create_table" and name == "create_index")
    ]
    assert len(changes) == 1
