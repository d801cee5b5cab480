"""Each command of docs/stores.md is run as written."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tasks.backups.stores.safe import open_safe
from tests.architecture.tree import ROOT
from tests.backups.conftest import BACKUP_KEY
from tests.deploy.cli.test_cli import run
from tests.services.pages import Machine
from tests.services.running import surroundings
from tests.services.running.process import wait_until
from tests.services.servers.seaweed import ENVIRONMENT

NEW_KEY = "opens-the-backups-of-the-tests-from-now-on-alone"


def _commands() -> list[list[str]]:
    """The words of each command of each block, without the program's name."""
    page = (ROOT / "docs" / "stores.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return [line.split()[1:] for block in blocks for line in block.splitlines()]


def test_the_page_does_what_it_says(
    db: Engine,
    bucket: str,
    service_env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check, undelete, restore, drill, verify, verify_second, rewrap = _commands()
    values = service_env | {
        "BACKUP_STORE": bucket,
        "BACKUP_SECOND_STORE": str(tmp_path / "far"),
        "BACKUP_LOCK_DAYS": "2",
        "BACKUP_KEY": BACKUP_KEY,
    }
    surroundings.settle(monkeypatch, values)
    said = run(*check, ends=1).stdout
    assert re.findall(r"NO .*", said) == [
        "NO   a lifecycle rule of the bucket deletes old versions (they cost money)"
    ]
    run("backup", "create")
    store = open_safe().store
    names = store.names()
    since = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    wait_until(lambda: datetime.now(UTC) > since, seconds=5, what="the next second")
    for name in names:
        store.delete(name)
    assert run("backup", "list").stdout.count("second") == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", undelete[-1])
    said = run(*undelete[:-1], f"{since:%Y-%m-%dT%H:%M:%S}").stdout
    assert said.splitlines() == [f"undeleted: {name}" for name in names]
    assert "first+second" in run("backup", "list").stdout
    run(*restore[:-1], str(tmp_path / "back"))
    run(*drill)
    assert "2 backups read, 0 damaged" in run(*verify).stdout
    assert "1 backups read, 0 damaged" in run(*verify_second).stdout
    keys = {"BACKUP_KEY": NEW_KEY, "BACKUP_OLD_KEY": BACKUP_KEY}
    surroundings.settle(monkeypatch, values | keys)
    assert run(*rewrap).stdout.count(" 1 rewrapped") == 2
    assert run(*rewrap).stdout.count(" 0 rewrapped") == 2
    surroundings.settle(monkeypatch, values | keys | {"BACKUP_OLD_KEY": ""})
    assert "2 backups read, 0 damaged" in run(*verify).stdout


def test_the_settings_of_a_store_may_stand_in_the_file_alone(bucket: str, tmp_path: Path) -> None:
    """AWS's own variables too: the commands run with an empty environment."""
    backups = {"BACKUP_STORE": bucket, "BACKUP_KEY": BACKUP_KEY}
    settings = surroundings.environment(tmp_path, database_url=f"sqlite:///{tmp_path}/here.db")
    machine = Machine(tmp_path / "machine", settings | ENVIRONMENT | backups)
    machine.run("maitred migrate && maitred backup create")
    assert "1 backups read, 0 damaged" in machine.run("maitred backup verify")
