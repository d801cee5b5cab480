"""MySQL's log as MariaDB replays it: every kind of column, every JSON, every second."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, make_url, text

from models import migrations
from models.core.database.transactions import Base, make_engine
from tasks.backups.databases.account import account_file
from tasks.backups.faults import BackupFailed
from tasks.backups.log.binlog.mysql import _WANTED, check_variables
from tasks.backups.log.binlog.rows import Table, with_text
from tasks.backups.log.binlog.stream import Stream, StreamFailed
from tasks.backups.log.follow import Follower
from tasks.backups.log.origin import query_server
from tasks.backups.restore import opened, restore_into
from tasks.backups.stores.safe import Safe
from tests.backups.conftest import made
from tests.backups.log.conftest import catch_up
from tests.backups.recovery.test_round_trip import rows_of
from tests.deploy.cli.test_cli import run
from tests.services.running import surroundings
from tests.services.running.stand import Stand
from tests.services.servers.certificates import make_certificates
from tests.services.servers.mariadb import USER
from tests.services.servers.mysql import MySQL

pytestmark = pytest.mark.mariadb

#: Every kind of column that both MySQL and MariaDB have, besides JSON.
_COLUMNS = {
    "a": "TINYINT",
    "b": "SMALLINT UNSIGNED",
    "c": "MEDIUMINT",
    "d": "BIGINT",
    "e": "FLOAT",
    "f": "DOUBLE",
    "g": "DECIMAL(20, 7)",
    "h": "DATE",
    "i": "TIME(3)",
    "j": "DATETIME(6)",
    "k": "TIMESTAMP(2) NULL",
    "l": "YEAR",
    "m": "CHAR(5)",
    "n": "VARCHAR(400)",
    "o": "VARBINARY(9)",
    "p": "TEXT",
    "q": "LONGBLOB",
    "r": "ENUM('x', 'y')",
    "s": "SET('x', 'y', 'z')",
    "t": "BIT(11)",
    "u": "JSON",
    "v": "JSON",
}
_VALUES: list[dict[str, Any]] = [
    dict.fromkeys(_COLUMNS),
    {
        "a": -5,
        "b": 65535,
        "c": -8000000,
        "d": 2**62,
        "e": 0.5,
        "f": -1e300,
        "g": "-1234567890123.1234567",
        "h": "2026-11-27",
        "i": "-12:34:56.789",
        "j": "2026-11-27 23:59:59.999999",
        "k": "2026-11-27 10:00:00.25",
        "l": 2026,
        "m": "ä",
        "n": "n" * 390,
        "o": b"\x00\xff",
        "p": "p\n) ENGINE=",
        "q": b"\x00" * 70_000,
        "r": "y",
        "s": "x,z",
        "t": b"\x05\x01",
        "u": json.dumps({"a": [1, {"b": None}], "ü": "ß" * 300}),
        "v": "[]",
    },
]


@pytest.fixture
def empty(server: MySQL) -> Iterator[Engine]:
    """A database with MySQL's own default collation."""
    bind = make_engine(server.new_database("odd"), pool_size=2)
    yield bind
    bind.dispose()


@pytest.mark.parametrize("checksum", ["CRC32", "NONE"])
def test_every_kind_of_column_comes_back(
    stand: Stand,
    safe: Safe,
    db: Engine,
    server: MySQL,
    follower: Follower,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    checksum: str,
) -> None:
    request.addfinalizer(lambda: server.run("SET GLOBAL binlog_checksum = 'CRC32'"))
    server.run(f"SET GLOBAL binlog_checksum = '{checksum}', GLOBAL binlog_row_metadata = 'FULL'")
    columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    server.run("DROP TABLE IF EXISTS kinds", database="logged")
    server.run(f"CREATE TABLE kinds (id INT PRIMARY KEY, {columns})", database="logged")
    made(safe)
    insert = text(f"INSERT INTO kinds VALUES (:id, {', '.join(f':{name}' for name in _COLUMNS)})")
    with db.begin() as connection:
        for number, values in enumerate(_VALUES * 2):
            connection.execute(insert, values | {"id": number})
        connection.execute(text("UPDATE kinds SET u = '{\"n\": 1}', n = NULL WHERE id = 1"))
        connection.execute(text("UPDATE kinds SET v = NULL, id = 9 WHERE id = 3"))
        connection.execute(text("DELETE FROM kinds WHERE id = 2"))
    catch_up(follower, db)
    restored = restore_into(safe, tmp_path / "back")
    query = text("SELECT * FROM kinds ORDER BY id")

    def read(bind: Engine) -> list[list[Any]]:
        with bind.connect() as connection:
            rows = [list(row) for row in connection.execute(query)]
        return [[*row[:-2], *(one and json.loads(one) for one in row[-2:])] for row in rows]

    with opened(tmp_path / "back", restored.newest) as bind:
        assert read(bind) == read(db)
    server.run("DROP TABLE kinds", database="logged")


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=200),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=20), inner, max_size=6)
    ),
    max_leaves=30,
)


def test_json_is_read_as_mysql_writes_it(server: MySQL, empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE kept (id INT PRIMARY KEY, value JSON)"))
    insert = text("INSERT INTO kept VALUES (1, :value)")

    @settings(max_examples=200, suppress_health_check=list(HealthCheck))
    @given(_JSON)
    def holds(value: Any) -> None:
        with empty.begin() as connection:
            connection.execute(text("DELETE FROM kept"))
            connection.execute(insert, {"value": json.dumps(value)})
            said = connection.execute(text("SELECT value FROM kept")).scalar_one()
        with empty.connect() as connection:
            place = query_server(connection)
        data = (server.folder / "data" / place.file).read_bytes()[: place.offset]
        assert json.loads(_newest_json(data)) == json.loads(said)

    holds()


def _newest_json(data: bytes) -> bytes:
    """The JSON, as text, of the last inserted row."""
    place, table, row = 4, None, b""
    while place < len(data):
        kind, length = data[place + 4], int.from_bytes(data[place + 9 : place + 13], "little")
        body = data[place + 19 : place + length - 4]
        if kind == 19:
            table = Table(body)
        elif kind == 30 and table:
            row = with_text(table, kind, body)
        place += length
    # skips number, flags, extra, columns, present columns; then null columns, key, length
    return row[8 + 2 + 1 + 1 + 1 + 4 + 4 :]


def test_a_backup_made_while_others_write_stands_where_it_says(
    stand: Stand, safe: Safe, db: Engine, server: MySQL, follower: Follower, tmp_path: Path
) -> None:
    """Each commit is in exactly one of the dump and the log after it."""
    server.run(
        "DROP TABLE IF EXISTS counted",
        "CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY, writer INT, n INT)",
        database="logged",
    )
    over = threading.Event()

    def write(writer: int) -> None:
        bind = create_engine(server.url("logged"))
        for number in range(1_000_000):
            if over.is_set():
                break
            with bind.begin() as connection:
                values = {"writer": writer, "n": number}
                connection.execute(
                    text("INSERT INTO counted (writer, n) VALUES (:writer, :n)"), values
                )
                connection.execute(text("UPDATE counted SET n = n + 0 WHERE id = 1"))
        bind.dispose()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    names = [made(safe).name for _ in range(3)]
    over.set()
    for writer in writers:
        writer.join()
    catch_up(follower, db)
    query = text("SELECT id, writer, n FROM counted ORDER BY id")
    with db.connect() as connection:
        rows = connection.execute(query).all()
    assert len(rows) > 100
    for name in names:
        restored = restore_into(safe, tmp_path / name, name=name)
        with opened(tmp_path / name, restored.newest) as bind, bind.connect() as connection:
            assert connection.execute(query).all() == rows
    server.run("DROP TABLE counted", database="logged")


def test_what_comes_back_into_mysql_has_the_schema_of_the_migrations(
    stand: Stand, safe: Safe, empty: Engine, settled: Callable[[str], Safe], spool: Path
) -> None:
    migrations.upgrade(empty)
    there = settled(empty.url.render_as_string(hide_password=False))
    name = run("backup", "create").stdout.partition(":")[0]
    assert [one.name for one in there.catalogue()[0]] == [name]
    with empty.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE odder")
    follower = Follower(there, empty.url.render_as_string(hide_password=False), spool)
    catch_up(follower, empty)
    follower.close()
    target = empty.url.set(database="odder").render_as_string(hide_password=False)
    try:
        run("backup", "restore", "--to-url", target)
        run("backup", "drill")
        bind = make_engine(target, pool_size=1)
        with bind.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Base.metadata) == []
            query = text(
                "SELECT table_name, column_name, column_type, collation_name, is_nullable"
                " FROM information_schema.columns WHERE table_schema = :one ORDER BY 1, 2"
            )
            before, after = (
                connection.execute(query, {"one": one}).all() for one in ("odd", "odder")
            )
        bind.dispose()
        assert after == before
    finally:
        with empty.connect() as connection:
            connection.exec_driver_sql("DROP DATABASE odder")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("binlog_row_image", "MINIMAL"),
        ("binlog_row_value_options", "PARTIAL_JSON"),
        ("binlog_transaction_compression", "ON"),
    ],
)
def test_a_log_that_could_not_be_replayed_is_not_called_kept(
    server: MySQL, db: Engine, name: str, value: str
) -> None:
    server.run(f"SET GLOBAL {name} = '{value}'")
    try:
        with db.connect() as connection, pytest.raises(BackupFailed, match=f"{name} is {value}"):
            check_variables(connection)
    finally:
        server.run(f"SET GLOBAL {name} = '{_WANTED[name]}'")
    with db.connect() as connection:
        check_variables(connection)


def test_a_server_that_was_seeded_anew_has_another_log(
    server: MySQL, db: Engine, tmp_path: Path
) -> None:
    with db.connect() as connection:
        old = query_server(connection).identity
    anew = MySQL(tmp_path / "anew", durable=True)
    anew.start()
    try:
        bind = create_engine(anew.url("mysql"))
        with bind.connect() as connection:
            assert query_server(connection).identity != old
        bind.dispose()
    finally:
        anew.kill()


def test_the_log_travels_over_tls_from_the_right_server_alone(
    tmp_path: Path, service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = make_certificates(tmp_path / "right"), make_certificates(tmp_path / "wrong")
    elsewhere = make_certificates(tmp_path / "elsewhere", names="DNS:elsewhere.example")

    class TlsMySQL(MySQL):
        def _argv(self, data: Path) -> list[str]:
            shown = [f"--ssl-cert={right.certificate}", f"--ssl-key={right.key}"]
            return [*super()._argv(data), f"--ssl-ca={right.authority}", *shown]

    server = TlsMySQL(tmp_path / "server", durable=True)
    server.start()
    server.run(f"ALTER USER '{USER}'@'127.0.0.1' REQUIRE SSL")

    def begins(authority: Path) -> bytes:
        surroundings.settle(monkeypatch, service_env | {"DATABASE_CA": str(authority)})
        with account_file(make_url(server.url("mysql"))) as account:
            return next(Stream(str(account), "binlog.000001", 77).events())

    try:
        assert b"binlog.000001" in begins(right.authority)
        with pytest.raises(StreamFailed, match="certificate"):
            begins(wrong.authority)
        server.run(
            f"SET GLOBAL ssl_ca='{elsewhere.authority}'",
            f"SET GLOBAL ssl_cert='{elsewhere.certificate}', GLOBAL ssl_key='{elsewhere.key}'",
            "ALTER INSTANCE RELOAD TLS",
        )
        with pytest.raises(StreamFailed, match="certificate"):  # validly signed, for another name
            begins(elsewhere.authority)
    finally:
        server.kill()


def test_the_rows_of_an_evening_come_back_from_the_log(
    stand: Stand, safe: Safe, db: Engine, follower: Follower, tmp_path: Path
) -> None:
    made(safe)
    for _ in range(5):
        stand.ask(2)
    catch_up(follower, db)
    restored = restore_into(safe, tmp_path / "back", thorough=True)
    assert restored.examined.problems == ()
    with opened(tmp_path / "back", restored.newest) as bind:
        assert rows_of(bind) == rows_of(db)
