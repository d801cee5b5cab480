"""The `maitred` command: effects, output and exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from deploy.cli.main import main
from deploy.embedded.folder import VarFolder
from models.core import clock
from models.core.database.transactions import engine, reading, transaction
from models.entities import Account, Assignment, Membership, SignIn
from models.entities.accounts import RecoveryCode, SecondFactor
from models.operations.accounts import second_factors
from models.operations.accounts.accounts import is_password, open_sign_in
from models.queries.accounts.accounts import credentials
from models.queries.floor.load import restaurant_by_slug
from tests.architecture.tree import ROOT
from tests.services.running.restaurant import OpenRestaurant, ShiftTimes
from tests.services.running.stand import NOW, START, Stand
from tests.services.running.surroundings import forget_everything
from tests.services.zone_rules import other_rules

EXAMPLES = ROOT / "examples"
DEMO = str(EXAMPLES / "demo.toml")
PASSWORD = "correct horse battery"
ANNA = "anna@example.com"


def run(*args: str, ends: int = 0, said: str | None = None) -> Result:
    """Run the command, which must end with this exit code and never with a traceback."""
    result = CliRunner().invoke(main, args, input=said)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == ends, result.output
    return result


def revision(slug: str = "demo") -> int:
    with reading() as session:
        return restaurant_by_slug(session, slug).revision


def add(email: str = ANNA, *more: str, said: str | None = None, ends: int = 0) -> Result:
    words = ("account", "add", email, "--restaurant", "demo", "--role", "host", *more)
    return run(*words, said=said, ends=ends)


def may_sign_in(password: str, email: str = ANNA) -> bool:
    with reading() as session:
        found = credentials(session, email)
    return is_password(password, found.password_hash if found else None)


@pytest.fixture
def stand(
    db: Engine, restaurant: Callable[..., OpenRestaurant], monkeypatch: pytest.MonkeyPatch
) -> Stand:
    """A restaurant and its host stand; the command uses the stand's clock."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    # times in a restaurant file are multiples of a quarter of an hour
    return Stand(db, restaurant(shifts={"dinner": ShiftTimes(ends=time(23, 45))}))


@pytest.fixture
def demo(db: Engine) -> None:
    """The demo restaurant, loaded."""
    run("restaurant", "load", DEMO)


# --- restaurants


def test_parties_moved_by_new_zone_rules_are_listed_and_brought_back(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = stand.ask(2)
    who = (
        f"{stand.row(number).reference} (party of 2, confirmed) 2026-03-06: announced 19:00, shown "
    )
    assert run("restaurant", "reanchor", "demo").stdout == (
        "demo: 0 re-anchored, 0 left as they are\n"
    )
    with other_rules(tmp_path, hours=2):
        dry = run("restaurant", "reanchor", "demo", "--dry-run").stdout.splitlines()
        assert dry == [
            f"{who}20:00; moved to 19:00",
            "demo: 1 would be re-anchored, 0 left as they are",
        ]
        wet = run("restaurant", "reanchor", "demo").stdout.splitlines()
        assert wet == [dry[0], "demo: 1 re-anchored, 0 left as they are"]
        assert stand.row(number).starts_at == START - timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: START - timedelta(hours=2))
    with other_rules(tmp_path, hours=4):
        stays = run("restaurant", "reanchor", "demo", ends=1).stdout.splitlines()
        assert stays[0] == f"{who}21:00; stays: that time has passed"
        assert stays[-1] == "demo: 0 re-anchored, 1 left as they are"
        run("restaurant", "reanchor", "demo", "--keep", "--dry-run", ends=1)
        kept = run("restaurant", "reanchor", "demo", "--keep").stdout.splitlines()
        assert kept == [*stays, "demo: 1 keep the displayed time"]
        last = run("restaurant", "reanchor", "demo").stdout
        assert last == "demo: 0 re-anchored, 0 left as they are\n"
        assert stand.row(number).told_offset == 240


@pytest.mark.both
def test_a_restaurant_is_loaded_listed_and_exported_to_the_same(db: Engine, tmp_path: Path) -> None:
    loaded = run("restaurant", "load", DEMO)
    assert loaded.stdout == "demo: 30 tables, 2 shifts, revision 1\n"
    line = run("restaurant", "list").stdout.splitlines()[1]
    assert line.split() == ["demo", "Trattoria", "Demo", "Europe/Berlin", "30", "1"]
    text = run("restaurant", "export", "demo").stdout
    again = tmp_path / "again.toml"
    again.write_text(text, encoding="utf-8")
    assert "revision 1" in run("restaurant", "load", str(again)).stdout
    assert run("restaurant", "export", "demo").stdout == text
    again.write_text(text.replace("Trattoria Demo", "Trattoria Nuova"), encoding="utf-8-sig")
    assert "revision 2" in run("restaurant", "load", str(again)).stdout


def test_everything_wrong_in_a_file_is_named_with_file_line_and_key(
    demo: None, tmp_path: Path
) -> None:
    text = Path(DEMO).read_text(encoding="utf-8")
    bad = tmp_path / "bad.toml"
    bad.write_text(
        text.replace('name = "Lunch"', 'nam = "Lunch"').replace("Europe/Berlin", "Berlin"),
        encoding="utf-8",
    )
    zone = text.splitlines().index(next(row for row in text.splitlines() if "Berlin" in row)) + 1
    lunch = text.splitlines().index('name = "Lunch"') + 1
    lines = run("restaurant", "load", str(bad), ends=2).stderr.splitlines()
    assert lines[0].startswith(f"maitred: {bad}: line {zone}: zone: ")
    assert any(row.startswith(f"maitred: {bad}: line {lunch}: shifts[0].nam: ") for row in lines)
    assert any(": shifts[0].name: is missing" in row for row in lines)
    assert len(lines) == 3
    assert revision() == 1


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"slug =", b"", b"a=" + b"[" * 3000],
    ids=["no-text", "no-toml", "empty", "deep"],
)
def test_what_is_no_restaurants_file_is_refused(db: Engine, tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_bytes(content)
    lines = run("restaurant", "load", str(bad), ends=2).stderr.splitlines()
    assert all(line.startswith(f"maitred: {bad}: ") for line in lines)
    run("restaurant", "load", str(tmp_path / "none.toml"), ends=2)
    run("restaurant", "load", str(tmp_path), ends=2)
    assert len(run("restaurant", "list").stdout.splitlines()) == 1


@pytest.mark.both
def test_a_table_that_a_party_holds_is_not_taken_away(stand: Stand, tmp_path: Path) -> None:
    number = stand.book(2, tables=("3",))
    text = run("restaurant", "export", "demo").stdout
    less = [line for line in text.splitlines() if '"3"' not in line]
    assert len(less) == len(text.splitlines()) - 1
    file = tmp_path / "less.toml"
    file.write_text("\n".join(less), encoding="utf-8")
    error = run("restaurant", "load", str(file), ends=1).stderr
    assert error.startswith("maitred: table 3: ")
    assert "table 3 is not a table of this restaurant" in error
    assert stand.row(number).reference in error
    assert revision() == 1
    before = run("restaurant", "export", "demo").stdout
    listed = run("restaurant", "load", str(file), "--dry-run", ends=1).stdout
    assert "would be revision 2" in listed
    assert stand.row(number).reference in listed
    planned = run("restaurant", "load", str(file), "--dry-run", "--move").stdout
    assert "now has table 1" in planned
    assert run("restaurant", "export", "demo").stdout == before
    moved = run("restaurant", "load", str(file), "--move").stdout
    assert "now has table 1" in moved
    assert stand.held(number).keys() == {"1"}


def test_an_unknown_restaurant_is_named_so(db: Engine) -> None:
    error = run("restaurant", "export", "nowhere", ends=1).stderr
    assert error == "maitred: there is no such restaurant\n"
    assert add(ends=1).stderr == error
    assert run("account", "list").stdout.splitlines()[1:] == []


# --- accounts


@pytest.mark.both
def test_an_account_gets_a_password_that_is_said_once(demo: None) -> None:
    said = add(" Anna@Example.com").stdout.splitlines()
    assert said[0] == f"{ANNA} is host at demo (new)"
    password = said[1].removeprefix("password: ")
    assert len(password) >= 16
    assert may_sign_in(password)
    with reading() as session:
        found = credentials(session, ANNA)
    assert found is not None
    assert found.first_until is not None  # only for choosing another
    assert found.first_until - clock.now() > timedelta(days=2, hours=23)
    assert run("account", "list").stdout.splitlines()[1].split() == [ANNA, "demo", "host"]
    again = run("account", "add", ANNA, "--restaurant", "demo", "--role", "manager")
    assert again.stdout == f"{ANNA} is manager at demo\n"
    assert may_sign_in(password)


def test_a_password_comes_from_standard_input(demo: None, db: Engine) -> None:
    assert PASSWORD not in add(ANNA, "--password-stdin", said=f"{PASSWORD}\n").output
    assert may_sign_in(PASSWORD)
    with reading() as session:
        found = credentials(session, ANNA)
    assert found is not None
    assert found.first_until is None
    with transaction() as session:
        number = session.scalars(select(Account.id)).one()
        open_sign_in(session, number, now=clock.now())
    add(ANNA, "--password-stdin", said="another horse battery\n")
    assert may_sign_in("another horse battery")
    assert not may_sign_in(PASSWORD)
    with Session(db) as session:
        assert session.scalars(select(SignIn.revoked_at)).one() is not None


@pytest.mark.parametrize("said", ["", "\n", "short\n"])
def test_a_bad_password_makes_no_account(demo: None, said: str) -> None:
    error = add(ANNA, "--password-stdin", said=said, ends=2).stderr
    assert error.startswith("maitred: password: must have 10 to")
    assert run("account", "list").stdout.splitlines()[1:] == []


def test_a_role_and_an_address_are_checked(demo: None) -> None:
    assert "email" in add("anna", ends=2).stderr
    wrong = ("account", "add", ANNA, "--restaurant", "demo", "--role", "cook")
    assert "'cook' is not one of 'owner'" in run(*wrong, ends=2).stderr
    assert "--restaurant" in run("account", "add", ANNA, "--role", "host", ends=2).stderr


@pytest.mark.both
def test_a_role_is_taken_and_an_account_closed_and_opened_again(demo: None, db: Engine) -> None:
    add(ANNA, "--password-stdin", said=PASSWORD)
    run("account", "remove", ANNA, "--restaurant", "demo")
    with Session(db) as session:
        assert session.scalars(select(Membership)).all() == []
    assert "no role" in run("account", "remove", ANNA, "--restaurant", "demo", ends=1).stderr
    assert may_sign_in(PASSWORD)
    run("account", "remove", ANNA)
    assert not may_sign_in(PASSWORD)
    assert "closed" in run("account", "list").stdout
    assert add().stdout.splitlines()[0] == f"{ANNA} is host at demo (new)"
    assert not may_sign_in(PASSWORD)
    assert "no account" in run("account", "remove", "eve@example.com", ends=1).stderr


@pytest.mark.both
@pytest.mark.parametrize("closed_by", ["this release", "the one before"])
def test_a_closed_account_comes_back_with_nothing_it_had(
    demo: None, db: Engine, restaurant: Callable[..., OpenRestaurant], closed_by: str
) -> None:
    restaurant(slug="other")
    run("account", "add", ANNA, "--restaurant", "demo", "--role", "owner", "--password-stdin",
        said=PASSWORD)  # fmt: skip
    with transaction() as session:
        number = session.scalars(select(Account.id)).one()
        second_factors.begin(session, number, now=clock.now())
        session.execute(update(SecondFactor).values(confirmed_at=clock.now()))
        session.add(RecoveryCode(account_id=number, code=b"x" * 32))
    if closed_by == "this release":
        run("account", "remove", ANNA)
    else:
        with transaction() as session:
            session.execute(update(Account).values(active=False))
    said = run("account", "add", ANNA, "--restaurant", "other", "--role", "viewer").stdout
    made = said.splitlines()[1].removeprefix("password: ")
    assert may_sign_in(made)
    assert not may_sign_in(PASSWORD)
    with Session(db) as session:
        roles = session.scalars(select(Membership)).all()
        assert [each.role for each in roles] == ["viewer"]
        for entity in (SecondFactor, RecoveryCode):
            assert session.scalars(select(entity)).all() == []
        assert session.scalars(select(Account.first_until)).one() is not None


# --- the check


@pytest.mark.both
def test_the_check_ends_well_or_names_the_rows(stand: Stand) -> None:
    first, second = stand.book(2, tables=("1",)), stand.book(2, tables=("2",))
    assert "No findings" in run("check").stdout
    assert json.loads(run("check", "--json").stdout)["in_order"] is True
    stand.plant(
        update(Assignment)
        .where(Assignment.reservation_id == second)
        .values(dining_table_id=stand.restaurant.tables["1"])
    )
    lines = run("check", ends=1).stdout.splitlines()
    wrong = next(n for n, line in enumerate(lines) if line.startswith("WRONG table-twice"))
    assert str(first) in lines[wrong + 1]
    assert str(second) in lines[wrong + 1]
    found = json.loads(run("check", "--json", ends=1).stdout)
    assert found["in_order"] is False
    assert ["table-twice", [first, second]] in [
        [each["rule"], each["ids"]] for each in found["findings"]
    ]


def test_what_waits_has_its_grace(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    stand.request()
    monkeypatch.setattr(clock, "now", lambda: NOW.replace(second=30))
    run("check")
    assert "WRONG undecided" in run("check", "--grace", "20", ends=1).stdout
    run("check", "--grace", "-1", ends=2)


# --- the environment


def test_the_schema_is_made_once(
    service_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/fresh.db")
    forget_everything()
    error = run("restaurant", "list", ends=3).stderr
    assert "DATABASE_URL: no such table" in error
    assert "maitred migrate" in error
    assert run("check", ends=3).stdout == ""
    assert "was empty" in run("migrate").stdout
    assert "current" in run("migrate").stdout
    run("restaurant", "load", DEMO)
    with engine().begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert "schema 9999: a later release's, not changed" in run("migrate").stdout
    run("check")


def test_help_is_given_where_nothing_is_set() -> None:
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    said = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "--help"],
        env=bare, capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    assert all(command in said for command in main.commands)


@pytest.mark.parametrize(
    ("variable", "value", "ends"),
    [
        ("SECRET_KEY", "", 2),
        ("SECRET_KEY", "short", 2),
        ("DATABASE_URL", "hush-hush", 2),
        ("DATABASE_URL", "mysql+mysqldb://me:hush-hush@host:port/x", 2),
        ("DATABASE_URL", "oracle+nothing://me:hush-hush@host/x", 2),
        ("DATABASE_URL", "mysql+mysqldb://me:hush-hush@127.0.0.1:1/x", 3),
    ],
)
@pytest.mark.parametrize("command", ["check", "restaurant list", "account list", "demo", "migrate"])
def test_a_restaurant_that_cannot_be_reached_is_one_line(
    service_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    variable: str,
    value: str,
    ends: int,
) -> None:
    if command == "demo" and ends == 3:
        ends = 1  # it checks the web process before the database
    monkeypatch.setenv("PUBLIC_URL", "http://127.0.0.1:1")
    monkeypatch.setenv(variable, value)
    forget_everything()
    result = run(*command.split(), ends=ends)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert ("http://127.0.0.1:1" if ends == 1 else f"maitred: {variable}: ") in result.stderr
    assert "hush" not in result.stderr


def test_a_driver_that_is_not_installed_is_named(
    service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql+mysqldb://me:hush-hush@127.0.0.1:1/x")
    monkeypatch.setitem(sys.modules, "MySQLdb", None)
    forget_everything()
    (line,) = run("check", ends=2).stderr.splitlines()
    assert line.startswith("maitred: DATABASE_URL: the driver is not installed")
    assert "`mysql`" in line


def test_a_folder_that_cannot_be_made_is_one_line(
    service_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/file/maitred.db")
    forget_everything()
    (line,) = run("check", ends=2).stderr.splitlines()
    assert str(tmp_path / "file") in line


def test_all_missing_settings_are_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", {"LANG": "C.UTF-8"})
    forget_everything()
    lines = run("restaurant", "list", ends=2).stderr.splitlines()
    assert {line.split(":")[1].strip() for line in lines} == {
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
    }
    # the message tells a new user what to do first
    assert all("is not set" in line and "`make up`" in line for line in lines)
    forget_everything()


def test_beside_a_restaurant_in_var_no_setting_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", {"LANG": "C.UTF-8"})
    forget_everything()
    (tmp_path / "var").mkdir()
    VarFolder(Path("var")).choose_ports(lambda _said: None)
    run("migrate")
    run("restaurant", "load", DEMO)
    assert (tmp_path / "var" / "maitred.db").exists()
    assert "No findings" in run("check").stdout
    forget_everything()


def test_every_command_explains_itself() -> None:
    for words in (
        "",
        "up",
        "migrate",
        "restaurant",
        "restaurant load",
        "restaurant export",
        "restaurant list",
        "account",
        "account add",
        "account list",
        "account remove",
        "check",
        "demo",
    ):
        assert "Usage:" in run(*words.split(), "--help").stdout
    assert "maitred" in run("--version").stdout
