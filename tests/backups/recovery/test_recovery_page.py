"""Each command of docs/recovery.md is run as written, on an installation that was lost."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from models.core.database import transactions as core_db
from models.core.database.transactions import reading
from models.core.settings import settings
from models.entities import Reservation
from models.integrity.check import findings
from models.queries.guests.privacy import export_guest
from models.rules.reservations.lifecycle import Status
from tests.architecture.tree import ROOT
from tests.backups.conftest import BACKUP_KEY, FIRST_KIND, Hands
from tests.deploy.cli.test_cli import run
from tests.queries.evening import open_evening, play
from tests.services import plan
from tests.services.running import surroundings
from tests.services.running.restaurant import open_restaurant
from tests.services.servers.mariadb import MariaDB

pytestmark = pytest.mark.slow

Settle = Callable[[str], None]


def page_commands() -> list[list[str]]:
    """The commands of each block of the page, without the program's name."""
    page = (ROOT / "docs" / "recovery.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return [[line.removeprefix("maitred ") for line in block.splitlines()] for block in blocks]


@pytest.fixture
def settle(service_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settle:
    """The environment of an installation on that database, with backups on."""

    def give(url: str) -> None:
        backups = {"BACKUP_STORE": str(tmp_path / "kept"), "BACKUP_KEY": BACKUP_KEY}
        surroundings.settle(monkeypatch, service_env | backups | {"DATABASE_URL": url})

    return give


@pytest.fixture
def places(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[str, list[str]]:
    """The old installation's database and two empty ones."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path}/old/maitred.db", [
            f"sqlite:///{tmp_path}/{name}/maitred.db" for name in ("new", "newer")
        ]
    server: MariaDB = request.getfixturevalue("mariadb")
    return server.new_database("old"), [server.new_database(name) for name in ("new", "newer")]


def _lose(url: str, request: pytest.FixtureRequest) -> None:
    core_db.engine().dispose()
    if url.startswith("sqlite"):
        shutil.rmtree(Path(url.removeprefix("sqlite:///")).parent)
    else:
        request.getfixturevalue("mariadb").run("DROP DATABASE old")


def _erase_somebody() -> str:
    """After the backup, erase a guest with an upcoming reservation; return the address."""
    row = Reservation
    with reading() as session:
        # a seated party has to leave first
        query = select(row).where(row.email_key.is_not(None), row.status == Status.CONFIRMED)
        email = session.scalars(query.order_by(row.id).limit(1)).one().guest.email
    assert email
    run("guest", "erase", email, "--cancel")
    return email


@pytest.mark.both
def test_the_page_brings_a_lost_restaurant_back(
    places: tuple[str, list[str]],
    settle: Settle,
    hands: Hands,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    backend: str,
) -> None:
    old, (new, newer) = places
    listing, to_server, into, to_file, _second, older, opening, daily = page_commands()
    settle(old)
    run("migrate")
    play(open_evening(lambda **made: open_restaurant(core_db.engine(), **made), core_db.engine()))
    for command in daily:
        run(*command.split())
    forgotten = _erase_somebody()
    _lose(old, request)

    assert listing == ["backup list"]
    name = run("backup", "list").stdout.splitlines()[-1].split()[0]
    is_file = new.startswith("sqlite")
    (command,) = to_file if is_file else to_server
    *words, example = command.split()
    assert example.partition(":")[0] == new.partition(":")[0]
    run(*words, new)
    (command,) = into
    run(*command.replace("NEW-FOLDER", str(tmp_path / "folder")).split())
    (command,) = older
    run(*command.replace("NAME", name).replace("URL", newer).split())

    for url in (newer, new):
        settle(url)
        for command in opening:
            run(*command.replace("ERASURES.jsonl", str(settings().erasures_file)).split())
        with reading() as session:
            assert not export_guest(session, forgotten)["reservations"]
        with reading() as session:
            assert findings(session, now=hands.now(), grace_seconds=60) == []
    full = run("backup", "list").stdout.splitlines()[-1]
    assert f"-{FIRST_KIND[backend]}-" in full
    core_db.engine().dispose()
    plan.prove(
        line="backup-restored",
        target=plan.where(backend),
        how="seen",
        figure="each command of docs/recovery.md",
    )
