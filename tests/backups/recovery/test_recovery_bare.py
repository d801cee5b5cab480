"""docs/recovery.md on machines with only a shell and the file `.env`."""

import os
import re
import sys
import time
from pathlib import Path

import pytest

from models.core import clock
from models.core.database.transactions import make_engine
from tasks.backups.log.pieces import PREFIX
from tests.architecture.tree import ROOT
from tests.backups.conftest import BACKUP_KEY
from tests.services.pages import Machine, blocks, commands, sections
from tests.services.running import surroundings
from tests.services.running.process import Process, wait_until
from tests.services.running.restaurant import open_restaurant
from tests.services.running.stack import evening
from tests.services.running.stand import Stand
from tests.services.servers.mariadb import PASSWORD, USER, MariaDB

pytestmark = pytest.mark.slow

#: this environment's command first, wherever the tests were started
WITH_MAITRED = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

PAGE = sections("recovery.md")
WELL = {"BACKUP_KEY": BACKUP_KEY}


def _section(begin: str) -> str:
    return next(text for name, text in PAGE.items() if name.startswith(begin))


def _run(server: MariaDB, sql: str, **places: str) -> None:
    """Run an SQL block of the page as the server's root."""
    for name, place in {"PASSWORD": PASSWORD, **places}.items():
        sql = sql.replace(name, place)
    server.run(*filter(None, map(str.strip, sql.split(";"))))


def _evening(url: str, monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> Stand:
    """Write a restaurant and a guest with a table next week, by the real clock."""
    surroundings.settle(monkeypatch, values)
    bind = make_engine(url, pool_size=2)
    return Stand(bind, open_restaurant(bind, slug="lindenhof"))


def _ask(stand: Stand, email: str) -> str:
    number = stand.ask(2, start=evening(), now=clock.now(), email=email)
    stand.bind.dispose()
    return stand.row(number).reference


def _follow(machine: Machine, folder: Path) -> Process:
    env = {"PATH": WITH_MAITRED, "PYTHONPATH": str(ROOT)}
    argv = ["/bin/sh", "-c", "exec maitred follow"]
    process = Process("follow", argv, log=folder / "follow.log", env=env, cwd=machine.folder)
    process.start()
    return process


def _open(machine: Machine, settings: dict[str, str]) -> None:
    """Run step 3 of the page on the database in these settings."""
    machine.set(settings)
    for command in commands(_section("3. ")):
        check = command == "maitred check"
        said = machine.run(
            command.replace("ERASURES.jsonl", settings["ERASURES_FILE"]),
            ends=(0, 1) if check else 0,
        )
        # outstanding work in the page's terms, no damage
        wrong = re.findall(r"^WRONG (\S+)", said, re.MULTILINE) if check else []
        assert set(wrong) <= {"overdue", "undecided", "message-late", "stuck-claim"}, said


def test_sqlite_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = f"sqlite:///{tmp_path}/old.db"
    kept = WELL | {"BACKUP_STORE": f"{tmp_path}/kept"}
    settings = surroundings.environment(tmp_path, database_url=old) | kept
    machine = Machine(tmp_path / "well", settings)
    machine.run("maitred migrate")
    stand = _evening(old, monkeypatch, settings)
    reference = _ask(stand, "ada@example.com")
    _ask(stand, "forget-me@example.com")
    machine.run("maitred backup create && maitred guest erase forget-me@example.com --cancel")
    (tmp_path / "old.db").unlink()

    new = Machine(tmp_path / "new", settings)
    (listing,) = blocks(_section("1. "))
    assert "snapshot" in new.run(listing)
    to_file = next(block for block in blocks(_section("2. ")) if "sqlite" in block)
    new.run(to_file.replace("/NEW/", f"{new.folder}/"))
    _open(new, settings | {"DATABASE_URL": f"sqlite:///{new.folder}/maitred.db"})
    assert reference in new.run("maitred guest export ada@example.com")


@pytest.mark.mariadb
def test_mariadb_comes_back_with_what_came_after_the_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = MariaDB(tmp_path / "server", durable=True)
    server.start()
    try:
        _lose_and_bring_back(server, tmp_path, monkeypatch)
    finally:
        server.kill()


def _lose_and_bring_back(server: MariaDB, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.run(f"DROP USER '{USER}'@'127.0.0.1'")  # the tests' own account may do everything
    (making,), backup_account = blocks(_section("2. "), "sql"), blocks(_section("While"), "sql")[0]
    _run(server, making, NEW="maitred")
    _run(server, backup_account)
    place = f"127.0.0.1:{server.port}"
    settings = surroundings.environment(
        folder, database_url=f"mysql+mysqldb://maitred:{PASSWORD}@{place}/maitred"
    )
    settings |= WELL | {
        "BACKUP_STORE": f"{folder}/kept",
        "BACKUP_URL": f"mysql+mysqldb://backup:{PASSWORD}@{place}/maitred",
    }
    machine = Machine(folder / "well", settings)
    machine.run("maitred migrate")
    stand = _evening(settings["DATABASE_URL"], monkeypatch, settings)
    _ask(stand, "forget-me@example.com")
    follower = _follow(machine, folder)
    machine.run("maitred backup create")
    reference = _ask(stand, "ada@example.com")
    machine.run("maitred guest erase forget-me@example.com --cancel")
    written = time.time()
    kept = folder / "kept"
    wait_until(lambda: _is_kept(kept, written), seconds=60, what="the log's last piece")
    follower.terminate()
    server.run("DROP DATABASE maitred")

    new = Machine(folder / "new", settings)
    new.run(blocks(_section("1. "))[0])
    _run(server, making.split(";", 1)[1], NEW="back")
    to_server = next(block for block in blocks(_section("2. ")) if "mysql" in block)
    words = {"PASSWORD": PASSWORD, "HOST": place, "NEW": "back"}
    new.run(re.sub("|".join(words), lambda found: words[found[0]], to_server))
    _run(server, backup_account.split(";", 1)[1].replace("maitred.", "back."))
    there = {
        name: settings[name].removesuffix("maitred") + "back"
        for name in ("DATABASE_URL", "BACKUP_URL")
    }
    _open(new, settings | there)
    assert reference in new.run("maitred guest export ada@example.com")


def _is_kept(kept: Path, written: float) -> bool:
    """Whether a later piece of the log is stored: pieces are stored in order."""
    return any(piece.stat().st_mtime > written for piece in kept.glob(f"{PREFIX}*"))
